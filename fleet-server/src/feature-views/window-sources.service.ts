/** Features that come from windows of streams: whether a view may be defined so, and whether they are fed, and how far. */
import { Injectable } from '@nestjs/common';
import { windowSourceFault, type WindowSourceFault } from '@shoal/models';
import type { EntityView, FeatureWindowSource, Page } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { WindowStore } from '../ports/window-store.ts';
import { ViewRegistry } from './view-registry.service.ts';

/** Asks for no publication, and where they end. */
const END = { afterChange: Number.MAX_SAFE_INTEGER, untilChange: Number.MAX_SAFE_INTEGER, limit: 0 };

const CODE_OF = {
  stream: 'FEATURE_STREAM_UNKNOWN',
  aggregate: 'FEATURE_AGGREGATE_UNKNOWN',
  entity: 'FEATURE_KEY_MISMATCH',
} as const satisfies Record<WindowSourceFault['what'], string>;

@Injectable()
export class WindowSourcesService {
  private readonly registry: ViewRegistry;
  private readonly windows: WindowStore;

  constructor(registry: ViewRegistry, windows: WindowStore) {
    this.registry = registry;
    this.windows = windows;
  }

  /**
   * Of a view that is about to be defined.
   * @throws FleetError FEATURE_STREAM_UNKNOWN | FEATURE_AGGREGATE_UNKNOWN | FEATURE_KEY_MISMATCH | WINDOW_STORE_UNAVAILABLE
   */
  async requireFit({ entity, features }: EntityView): Promise<void> {
    const sources = features.flatMap(({ source }) => (source.kind === 'windows' ? [source] : []));
    if (sources.length === 0) return;
    const definitions = await this.windows.definitions([...new Set(sources.map(({ stream }) => stream))]);
    for (const source of sources) {
      const definition = definitions.find(({ name }) => name === source.stream);
      const fault = windowSourceFault(entity, source, definition);
      if (fault !== undefined) throw new FleetError(CODE_OF[fault.what], `${fault.sentence}.`);
    }
  }

  /** In the order of the view. @throws FleetError FEATURE_VIEW_NOT_FOUND | WINDOW_STORE_UNAVAILABLE */
  async list(name: string, limit: number, cursor: string | undefined): Promise<Page<FeatureWindowSource>> {
    const sources = await this.sourcesOf(name);
    const start = cursor === undefined ? 0 : Number(decodeCursor(cursor, ['number'])[0]);
    const end = start + limit;
    return { items: sources.slice(start, end), nextCursor: end < sources.length ? encodeCursor([end]) : null };
  }

  private async sourcesOf(name: string): Promise<FeatureWindowSource[]> {
    const { view, slotNos } = this.registry.named(name);
    const sources = view.features.flatMap(({ name: feature, source }, index) =>
      source.kind === 'windows' ? [{ feature, source, slotNo: slotNos[index] ?? 0 }] : [],
    );
    if (sources.length === 0) return [];
    const streams = [...new Set(sources.map(({ source }) => source.stream))];
    const { definitions, lastChange } = await this.windows.publications({ ...END, streams });
    return sources.map(({ feature, source, slotNo }) => {
      const { stream, aggregate, part = null } = source;
      const fault = windowSourceFault(
        view.entity,
        source,
        definitions.find((definition) => definition.name === stream),
      );
      const { position, fill } = this.registry.progressOf(slotNo);
      const isFilling = position < 0 || fill !== null;
      return {
        feature,
        stream,
        aggregate,
        part,
        state: fault !== undefined ? 'unfed' : isFilling ? 'filling' : 'following',
        detail: fault?.sentence ?? null,
        behind: Math.max(0, lastChange - Math.max(0, position)),
      };
    });
  }
}
