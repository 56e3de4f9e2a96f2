/** What published windows say, as values of the slots that look at them. */
import { windowSourceFault, windowValue } from '@shoal/models';
import { entityIdSchema, type StreamDefinition } from '@shoal/protocol';
import type { PublishedValue } from '../ports/feature-store.ts';
import type { PublishedWindow } from '../ports/window-store.ts';
import type { WindowSlot } from './compiled-view.ts';

/** The slots that can take their values from the streams as these are defined now. */
export const fedBy = (slots: readonly WindowSlot[], definitions: readonly StreamDefinition[]): WindowSlot[] => {
  const running = new Map(definitions.map((definition) => [definition.name, definition]));
  return slots.filter(
    ({ entity, source }) => windowSourceFault(entity, source, running.get(source.stream)) === undefined,
  );
};

export interface WindowValues {
  /** In the order of the windows. */
  readonly values: readonly PublishedValue[];
  /** Windows whose key is no id of an entity. */
  readonly refused: number;
}

/** `slots` can take their values from these windows. */
export const valuesOf = (windows: readonly PublishedWindow[], slots: readonly WindowSlot[]): WindowValues => {
  const byStream = Map.groupBy(slots, ({ source }) => source.stream);
  const values: PublishedValue[] = [];
  let refused = 0;
  for (const { stream, key, endAt, publishedAt, values: own } of windows) {
    const looking = byStream.get(stream) ?? [];
    if (looking.length === 0) continue;
    if (!entityIdSchema.safeParse(key).success) {
      refused += 1;
      continue;
    }
    for (const { viewNo, slotNo, source } of looking) {
      const value = own === null ? null : windowValue(source, own);
      values.push({ viewNo, slotNo, entity: key, eventAt: endAt, createdAt: publishedAt, value });
    }
  }
  return { values, refused };
};
