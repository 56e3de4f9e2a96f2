/** The way from an entity to the vector a model is fed with: what inference, scoring and the API read features by. */
import { Injectable } from '@nestjs/common';
import {
  codeFeature,
  isModelError,
  pinnedViews,
  vectorName,
  type EntityVector,
  type JudgedFeature,
} from '@shoal/models';
import type { EntityFeature, FeatureValue } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { FeatureStore, type StoredEntity } from '../ports/feature-store.ts';
import type { BoundCounter, BoundHistogram } from '../ports/metrics.ts';
import type { CompiledView } from './compiled-view.ts';
import { judgeEntity, sortOut } from './served-entity.ts';
import { SkewAuditService, type Served } from './skew-audit.service.ts';
import { ViewRegistry } from './view-registry.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** A view by its name (the current version) or its hash (that version), or the vector a bundle pins. */
export type VectorReference = string | EntityVector;

export interface ReadOptions {
  /** Only what had happened and was known by then; milliseconds. Absent: now, from the online store. */
  readonly asOf?: number | undefined;
  /** Values of the request, by name as in `names`: they outweigh what is stored, and are PRESENT. */
  readonly overrides?: Readonly<Record<string, FeatureValue>> | undefined;
}

/** Parallel arrays, in the order that the view or the bundle pins. */
export interface ServedVector {
  /** Of the view or the pinned vector. */
  readonly hash: string;
  /** Names of features; `view:feature` for a pinned vector. */
  readonly names: readonly string[];
  /** NaN where there is nothing to give (policy null). */
  readonly vector: readonly number[];
  /** What each was answered with. */
  readonly judged: readonly JudgedFeature[];
  readonly asOf: number;
  /** Names with OUTSIDE_MAX_AGE; the reader's own from here on. */
  readonly stale: string[];
  /** Names with NULL_VALUE or NOT_FOUND; the reader's own as well. */
  readonly missing: string[];
}

/** One resolved reference; made once per bundle or request, and good as long as the server runs. */
export interface VectorPlan {
  readonly hash: string;
  readonly names: readonly string[];
  readonly views: readonly CompiledView[];
  /** Per name: which of the views, and which of its features. */
  readonly picks: readonly Pick[];
  /** All features of one view, in its order. */
  readonly isWhole: boolean;
}

interface Pick {
  readonly of: number;
  readonly index: number;
  readonly feature: EntityFeature;
}

@Injectable()
export class FeatureReader {
  private readonly registry: ViewRegistry;
  private readonly store: FeatureStore;
  private readonly skew: SkewAuditService;
  private readonly around: Surroundings;
  private readonly reads: BoundCounter;
  private readonly readSeconds: BoundHistogram;
  private noted = 0;

  constructor(registry: ViewRegistry, store: FeatureStore, skew: SkewAuditService, around: Surroundings) {
    this.registry = registry;
    this.store = store;
    this.skew = skew;
    this.around = around;
    this.reads = around.metrics.counter('feature_reads_total', {});
    this.readSeconds = around.metrics.histogram('feature_read_seconds', {});
  }

  /**
   * Looks a reference up; a bundle is refused here, when it loads, not with its first request.
   * @throws FleetError FEATURE_VIEW_NOT_FOUND | FEATURE_VIEW_MISMATCH
   */
  plan(reference: VectorReference): VectorPlan {
    return typeof reference === 'string' ? this.planOfView(reference) : this.planOfVector(reference);
  }

  /**
   * Without `asOf` it is answered on this thread in microseconds.
   * @throws FleetError FEATURE_VIEW_NOT_FOUND | FEATURE_VIEW_MISMATCH | FEATURE_UNKNOWN | FEATURE_VALUE_REFUSED |
   *   FEATURE_UNAVAILABLE (a feature of the policy fail is not PRESENT) | FEATURE_STORE_UNAVAILABLE
   */
  async read(
    reference: VectorReference | VectorPlan,
    entity: string,
    options: ReadOptions = {},
  ): Promise<ServedVector> {
    const plan = typeof reference !== 'string' && 'picks' in reference ? reference : this.plan(reference);
    const { asOf } = options;
    if (asOf === undefined) return this.readNow(plan, entity, options.overrides);
    const stored = await Promise.all(plan.views.map((view) => this.storedAsOf(view, entity, asOf)));
    return served(plan, judgeAll(plan, stored, asOf), { asOf, entity, overrides: options.overrides });
  }

  /** What is stored of one view, now or as of an instant. */
  async stored(view: CompiledView, entity: string, asOf: number | undefined): Promise<StoredEntity | undefined> {
    return asOf === undefined ? this.store.read(view.viewNo, entity) : this.storedAsOf(view, entity, asOf);
  }

  /** What of one view was served just now; one of `auditEvery` is derived again from the history. */
  note(view: CompiledView, served: Served): void {
    if (this.registry.isFilling(view)) return;
    this.noted += 1;
    if ((this.noted - 1) % this.around.config.auditEvery === 0) this.skew.sample(view, served);
  }

  /** As `read` without `asOf`, answered before it returns; throws what that rejects with. */
  readNow(plan: VectorPlan, entity: string, overrides: ReadOptions['overrides']): ServedVector {
    const startedAt = performance.now();
    const asOf = this.around.clock.now();
    const judged = plan.views.map((view) => {
      const stored = this.store.read(view.viewNo, entity);
      const features = judgeEntity(view, stored, asOf);
      this.note(view, { entity, servedAt: asOf, stored, judged: features });
      return features;
    });
    const answer = served(plan, judged, { asOf, entity, overrides });
    this.reads.add(1);
    this.readSeconds.observe((performance.now() - startedAt) / 1_000);
    return answer;
  }

  private storedAsOf({ viewNo, asOfSlots }: CompiledView, entity: string, at: number): Promise<StoredEntity> {
    return this.store.readAsOf({
      viewNo,
      entity,
      slots: asOfSlots,
      at,
      known: { pushedAt: at, streamAt: at, windowAt: at },
    });
  }

  private planOfView(reference: string): VectorPlan {
    const view = this.registry.version(reference) ?? this.registry.named(reference);
    const picks = view.view.features.map((feature, index) => ({ of: 0, index, feature }));
    return { hash: view.hash, names: picks.map(({ feature }) => feature.name), views: [view], picks, isWhole: true };
  }

  private planOfVector(vector: EntityVector): VectorPlan {
    try {
      pinnedViews(vector, (_, hash) => this.registry.version(hash)?.view);
    } catch (cause) {
      if (!isModelError(cause)) throw cause;
      throw new FleetError('FEATURE_VIEW_MISMATCH', `${cause.message}. Define that version first.`, { cause });
    }
    const views = vector.views.flatMap(({ hash }) => this.registry.version(hash) ?? []);
    const picks = vector.features.flatMap(({ view, feature: name }) => {
      const of = views.findIndex((candidate) => candidate.view.name === view);
      const index = views[of]?.view.features.findIndex((candidate) => candidate.name === name) ?? -1;
      const feature = views[of]?.view.features[index];
      return feature === undefined ? [] : [{ of, index, feature }];
    });
    const isWhole =
      views.length === 1 &&
      picks.length === views[0]?.view.features.length &&
      picks.every(({ index }, position) => index === position);
    return { hash: vector.hash, names: vector.features.map(vectorName), views, picks, isWhole };
  }
}

/** Per view of the plan. */
const judgeAll = (
  { views }: VectorPlan,
  stored: readonly (StoredEntity | undefined)[],
  at: number,
): JudgedFeature[][] => views.map((view, of) => judgeEntity(view, stored[of], at));

interface Request {
  readonly asOf: number;
  readonly entity: string;
  readonly overrides: ReadOptions['overrides'];
}

const ABSENT: JudgedFeature = { value: null, status: 'NOT_FOUND', eventAt: null, used: null, fails: false };

const served = (plan: VectorPlan, judged: readonly JudgedFeature[][], request: Request): ServedVector => {
  const { names, hash } = plan;
  const { asOf, entity, overrides } = request;
  const picked = overridden(plan, pickedOf(plan, judged), overrides, asOf);
  const { failed, stale, missing } = sortOut(names, picked);
  if (failed.length > 0) {
    const what = failed.map((name) => `${name} is ${picked[names.indexOf(name)]?.status}`).join(', ');
    throw new FleetError('FEATURE_UNAVAILABLE', `There is no vector for ${entity}: ${what}. Send it, or put a value.`);
  }
  return {
    hash,
    names,
    // No typed array: one beyond 64 bytes lies outside the heap, and making it costs as much as the lookup.
    vector: picked.map(({ used }) => used ?? Number.NaN),
    judged: picked,
    asOf,
    stale,
    missing,
  };
};

const pickedOf = (
  { isWhole, picks }: VectorPlan,
  judged: readonly (readonly JudgedFeature[])[],
): readonly JudgedFeature[] => {
  const [first] = judged;
  if (isWhole && first !== undefined) return first;
  return picks.map(({ of, index }) => judged[of]?.[index] ?? ABSENT);
};

const overridden = (
  { names, picks }: VectorPlan,
  judged: readonly JudgedFeature[],
  overrides: ReadOptions['overrides'],
  asOf: number,
): readonly JudgedFeature[] => {
  if (overrides === undefined) return judged;
  const given = Object.entries(overrides);
  if (given.length === 0) return judged;
  const picked = [...judged];
  for (const [name, value] of given) {
    const index = names.indexOf(name);
    const feature = picks[index]?.feature;
    if (feature === undefined) throw new FleetError('FEATURE_UNKNOWN', `There is no feature "${name.slice(0, 80)}".`);
    try {
      const coded = codeFeature(feature, value);
      picked[index] = { value: coded, status: 'PRESENT', eventAt: asOf, used: coded, fails: false };
    } catch (cause) {
      if (!isModelError(cause)) throw cause;
      throw new FleetError('FEATURE_VALUE_REFUSED', `${cause.message}.`, { cause });
    }
  }
  return picked;
};
