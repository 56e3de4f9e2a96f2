/** What the telemetry log says, as points of the windows of features. */
import { paneMsOf } from '@shoal/models';
import type { StreamPoints } from '../ports/feature-store.ts';
import type { LoggedValues } from '../ports/telemetry-store.ts';
import type { StreamSlot } from './compiled-view.ts';

/** `slots` are parallel to the sources that were asked for. Known to the server since the records were received. */
export const pointsOf = (
  { source: at, deviceId: entity, receivedAt: createdAt, eventAt, values }: LoggedValues,
  slots: readonly StreamSlot[],
): readonly StreamPoints[] => {
  const slot = slots[at];
  if (slot === undefined) return [];
  const { viewNo, slotNo, source } = slot;
  return [{ viewNo, slotNo, entity, paneMs: paneMsOf(source), panes: source.panes, createdAt, eventAt, values }];
};
