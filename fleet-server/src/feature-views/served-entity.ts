/** What a view answers about one entity, from what is stored of it. */
import { answersAt, decodeFeature, judgeFeature, type JudgedFeature } from '@shoal/models';
import type { EntityFeature, EntityFeatures, FeatureValue } from '@shoal/protocol';
import type { StoredEntity } from '../ports/feature-store.ts';
import type { CompiledView } from './compiled-view.ts';

/** Parallel to the features of the view. */
export const judgeEntity = (compiled: CompiledView, stored: StoredEntity | undefined, at: number): JudgedFeature[] => {
  const { view, slotNos } = compiled;
  const answer = answersAt(view, at);
  return view.features.map((feature, index) =>
    judgeFeature(feature, answer(feature, stored?.slots.get(slotNos[index] ?? 0))),
  );
};

export const shownValue = (feature: EntityFeature, coded: number | null): FeatureValue | null =>
  coded === null ? null : decodeFeature(feature, coded);

interface Judgement {
  readonly stale: string[];
  readonly missing: string[];
  readonly failed: string[];
}

/** Which of the names are too old, which are not there, and which of these must not be. */
export const sortOut = (names: readonly string[], judged: readonly JudgedFeature[]): Judgement => {
  const sorted: Judgement = { stale: [], missing: [], failed: [] };
  for (const [index, { status, fails }] of judged.entries()) {
    // Nearly all of them: the policy is about what is not there.
    if (status === 'PRESENT') continue;
    const name = names[index] ?? '';
    (status === 'OUTSIDE_MAX_AGE' ? sorted.stale : sorted.missing).push(name);
    if (fails) sorted.failed.push(name);
  }
  return sorted;
};

export const showEntity = (
  compiled: CompiledView,
  entity: string,
  stored: StoredEntity | undefined,
  asOf: number,
): EntityFeatures => {
  const { view, hash } = compiled;
  const judged = judgeEntity(compiled, stored, asOf);
  const sorted = sortOut(
    view.features.map(({ name }) => name),
    judged,
  );
  return {
    view: view.name,
    hash,
    entity,
    asOf,
    features: view.features.map((feature, index) => {
      const { value = null, status = 'NOT_FOUND', eventAt = null, used = null } = judged[index] ?? {};
      return {
        name: feature.name,
        value: shownValue(feature, value),
        status,
        eventAt,
        used: shownValue(feature, used),
      };
    }),
    vector: sorted.failed.length > 0 ? null : judged.map(({ used }) => used),
    ...sorted,
  };
};
