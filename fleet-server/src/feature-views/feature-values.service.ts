/** Values of entities: told from outside, read now or as of an instant, one by one or many at once, and their history. */
import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { aggregateOf } from '@shoal/models';
import type {
  EntityFeatures,
  FeatureBulkRead,
  FeatureColumns,
  FeatureHistoryEntry,
  FeaturePut,
  Page,
} from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { FeatureStore, type SlotHistory, type StoredEntity } from '../ports/feature-store.ts';
import { historySlotsOf, type CompiledView } from './compiled-view.ts';
import { FeatureReader } from './feature-reader.service.ts';
import { codeValues, requirePast } from './pushed-values.ts';
import { judgeEntity, showEntity, shownValue } from './served-entity.ts';
import { ViewRegistry } from './view-registry.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Entities read in one turn of the event loop. */
const ENTITIES_PER_TURN = 50;

export interface ShownEntity {
  readonly shown: EntityFeatures;
  /** Changes with every change of the entity, and with time, because ages do. */
  readonly etag: string;
}

export interface HistoryFilter {
  readonly feature: string | undefined;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

@Injectable()
export class FeatureValuesService {
  private readonly registry: ViewRegistry;
  private readonly store: FeatureStore;
  private readonly reader: FeatureReader;
  private readonly around: Surroundings;

  constructor(registry: ViewRegistry, store: FeatureStore, reader: FeatureReader, around: Surroundings) {
    this.registry = registry;
    this.store = store;
    this.reader = reader;
    this.around = around;
  }

  /** Never fails for a missing value: it shows what there is. @throws FleetError FEATURE_VIEW_NOT_FOUND */
  async show(view: string, entity: string, asOf: number | undefined): Promise<ShownEntity> {
    const compiled = this.registry.named(view);
    const at = asOf ?? this.around.clock.now();
    const stored = await this.reader.stored(compiled, entity, asOf);
    if (asOf === undefined) {
      this.reader.note(compiled, { entity, servedAt: at, stored, judged: judgeEntity(compiled, stored, at) });
    }
    return shownOf(compiled, entity, stored, at);
  }

  /**
   * Resolved = on disk. Saying the same again changes nothing.
   * @throws FleetError FEATURE_VIEW_NOT_FOUND | FEATURE_UNKNOWN | FEATURE_NOT_PUSHED | FEATURE_VALUE_REFUSED |
   *   FEATURE_EVENT_AHEAD | REVISION_STALE | FEATURE_STORE_UNAVAILABLE
   */
  async put(
    view: string,
    entity: string,
    { values, eventAt }: FeaturePut,
    ifMatch: string | undefined,
  ): Promise<ShownEntity> {
    const compiled = this.registry.named(view);
    requirePast(eventAt, this.around.clock.now());
    const { viewNo } = compiled;
    const coded = codeValues(compiled, values);
    const outcome = await this.store.put({
      viewNo,
      entity,
      eventAt: eventAt ?? null,
      values: coded,
      ifMatch: tagsOf(ifMatch),
    });
    if ('stale' in outcome) {
      const what = `${entity} of view ${view} was changed since; If-Match says ${ifMatch?.slice(0, 80)}`;
      throw new FleetError('REVISION_STALE', `${what}. Read it again and repeat the change.`);
    }
    if (outcome.changed) this.around.metrics.count('feature_values_stored_total', coded.length);
    return shownOf(compiled, entity, this.store.read(viewNo, entity), this.around.clock.now());
  }

  /** @throws FleetError FEATURE_VIEW_NOT_FOUND | FEATURE_UNKNOWN */
  async columns(view: string, { entities, features, asOf }: FeatureBulkRead): Promise<FeatureColumns> {
    const compiled = this.registry.named(view);
    const at = asOf ?? this.around.clock.now();
    const all = compiled.view.features.map(({ name }) => name);
    const picked = (features ?? all).map((name) => {
      const index = all.indexOf(name);
      if (index >= 0) return index;
      throw new FleetError('FEATURE_UNKNOWN', `View ${view} has no feature "${name}".`);
    });
    const results = picked.map((): FeatureColumns['results'][number] => ({
      values: [],
      statuses: [],
      eventTimestamps: [],
    }));
    for (const [position, entity] of entities.entries()) {
      if (position > 0 && position % ENTITIES_PER_TURN === 0) await setImmediate();
      const judged = judgeEntity(compiled, await this.reader.stored(compiled, entity, asOf), at);
      for (const [column, index] of picked.entries()) {
        const [feature, one, result] = [compiled.view.features[index], judged[index], results[column]];
        if (feature === undefined || one === undefined || result === undefined) continue;
        result.values.push(shownValue(feature, one.used));
        result.statuses.push(one.status);
        result.eventTimestamps.push(one.eventAt);
      }
    }
    return { hash: compiled.hash, asOf: at, featureNames: picked.map((index) => all[index] ?? ''), entities, results };
  }

  /** @throws FleetError FEATURE_VIEW_NOT_FOUND | FEATURE_UNKNOWN | CURSOR_INVALID */
  async history(
    view: string,
    entity: string,
    filter: HistoryFilter,
    page: { readonly limit: number; readonly cursor: string | undefined },
  ): Promise<Page<FeatureHistoryEntry>> {
    const compiled = this.registry.named(view);
    const slots = historySlotsOf(compiled, filter.feature);
    if (slots.length === 0) throw new FleetError('FEATURE_UNKNOWN', `View ${view} has no feature "${filter.feature}".`);
    const { from, to } = filter;
    const { items, nextCursor } = await this.store.history({
      viewNo: compiled.viewNo,
      entity,
      slots,
      from,
      to,
      ...page,
    });
    const namesOf = new Map(slots.map(({ slotNo, names }) => [slotNo, names]));
    return {
      items: items.flatMap((row) => (namesOf.get(row.slotNo) ?? []).map((name) => entryOf(compiled, name, row))),
      nextCursor,
    };
  }
}

/** `"pushedAt.streamAt.at"`; If-Match looks at the first alone: whoever edits cares for what was told from outside. */
const shownOf = (
  compiled: CompiledView,
  entity: string,
  stored: StoredEntity | undefined,
  at: number,
): ShownEntity => ({
  shown: showEntity(compiled, entity, stored, at),
  etag: `"${stored?.pushedAt ?? 0}.${stored?.streamAt ?? 0}.${at}"`,
});

const tagsOf = (ifMatch: string | undefined): number[] | undefined => {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  return ifMatch.split(',').map((tag) => Number(/^\s*"(\d+)\./.exec(tag)?.[1] ?? Number.NaN));
};

const entryOf = ({ view }: CompiledView, name: string, row: SlotHistory): FeatureHistoryEntry => {
  const feature = view.features.find((candidate) => candidate.name === name);
  const { held, eventAt, createdAt } = row;
  const isPane = typeof held === 'object' && held !== null;
  const coded = !isPane
    ? held
    : feature === undefined || !('windowMs' in feature.source)
      ? null
      : aggregateOf(held, feature.source.aggregate);
  return {
    feature: name,
    eventAt,
    createdAt,
    value: feature === undefined ? null : shownValue(feature, coded),
    count: isPane ? held.count : null,
  };
};
