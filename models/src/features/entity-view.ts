/** What a view over entities means: its hash, how its values are coded, and what a read at an instant answers. */
import { createHash } from 'node:crypto';
import type { EntityFeature, EntityView, FeatureStatus, FeatureValue } from '@shoal/protocol/wire';
import { canonicalJson } from '../canonical-json.ts';
import { ModelError } from '../errors.ts';
import { aggregateOf, windowAt, type Pane } from './window-panes.ts';

/** Lower-case hex sha256 over the canonical JSON of the definition: any change of a feature, age or policy changes it. */
export const entityViewHash = (view: EntityView): string =>
  createHash('sha256').update(canonicalJson(view), 'utf8').digest('hex');

/** What was pushed, or published of a window, last by event time, then by created time; `value` is coded, null when there is none. */
export interface PushedValue {
  readonly value: number | null;
  readonly eventAt: number;
  readonly createdAt: number;
}

/** Panes ascend by index. Undefined: nobody ever said anything. */
export type StoredFeature = PushedValue | readonly Pane[] | undefined;

export interface FeatureAnswer {
  /** Coded; what is stored also when it is too old, null when there is none. */
  readonly value: number | null;
  readonly status: FeatureStatus;
  readonly eventAt: number | null;
}

type Typed = Pick<EntityFeature, 'name' | 'datatype' | 'categories'>;

/** The number a vector holds for a value: `boolean` 0 or 1, `category` its position. Throws FEATURE_VALUE_INVALID. */
export const codeFeature = (feature: Typed, value: FeatureValue): number => {
  const coded = codeOrNothing(feature, value);
  if (coded !== undefined) return coded;
  const wanted = feature.datatype === 'category' ? `one of ${feature.categories?.join(', ')}` : `a ${feature.datatype}`;
  throw new ModelError(
    'FEATURE_VALUE_INVALID',
    `Feature ${feature.name} must be ${wanted}, not ${JSON.stringify(value)}`,
  );
};

const codeOrNothing = ({ datatype, categories = [] }: Typed, value: FeatureValue): number | undefined => {
  if (datatype === 'number') return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  if (datatype === 'boolean') return typeof value === 'boolean' ? Number(value) : undefined;
  const position = typeof value === 'string' ? categories.indexOf(value) : -1;
  return position < 0 ? undefined : position;
};

/** The reverse of `codeFeature`. */
export const decodeFeature = ({ datatype, categories = [] }: Typed, coded: number): FeatureValue => {
  if (datatype === 'boolean') return coded === 1;
  return datatype === 'category' ? (categories[coded] ?? coded) : coded;
};

const NOT_FOUND: FeatureAnswer = Object.freeze({ value: null, status: 'NOT_FOUND', eventAt: null });

const isPanes = (stored: PushedValue | readonly Pane[]): stored is readonly Pane[] => Array.isArray(stored);

/** What a feature of a view is at an instant, from what is stored of it. */
export type FeatureAnswers = (feature: EntityFeature, stored: StoredFeature) => FeatureAnswer;

/**
 * Answers for one instant. A window without a record is answered as it last was, and is then OUTSIDE_MAX_AGE whatever its age: the window
 * itself has passed. Aggregates of one window follow each other, and it is merged for the first of them.
 */
export const answersAt = (view: EntityView, at: number): FeatureAnswers => {
  let [merged, current]: [readonly Pane[] | undefined, Pane | undefined] = [undefined, undefined];
  return (feature, stored) => {
    if (stored === undefined) return NOT_FOUND;
    const maxAgeMs = feature.maxAgeMs ?? view.maxAgeMs;
    const { source } = feature;
    if (!isPanes(stored)) return lastSaid(stored, source, at, maxAgeMs);
    if (source.kind === 'pushed' || source.kind === 'windows') return NOT_FOUND;
    if (stored !== merged) [merged, current] = [stored, windowAt(stored, at, source)];
    const window = current ?? lastWindow(stored, at, source);
    if (window === undefined) return NOT_FOUND;
    const isFresh = current !== undefined && at - window.lastAt <= maxAgeMs;
    return {
      value: aggregateOf(window, source.aggregate),
      status: isFresh ? 'PRESENT' : 'OUTSIDE_MAX_AGE',
      eventAt: window.lastAt,
    };
  };
};

const lastSaid = (
  { value, eventAt }: PushedValue,
  { kind }: EntityFeature['source'],
  at: number,
  maxAgeMs: number,
): FeatureAnswer => {
  // The end of a published window lies ahead where the clock of the device does; it has happened all the same.
  if (eventAt > at && kind !== 'windows') return NOT_FOUND;
  if (at - eventAt > maxAgeMs) return { value, status: 'OUTSIDE_MAX_AGE', eventAt };
  return { value, status: value === null ? 'NULL_VALUE' : 'PRESENT', eventAt };
};

/** The window as it was when its last record before `at` had come. */
const lastWindow = (stored: readonly Pane[], at: number, source: Parameters<typeof windowAt>[2]): Pane | undefined => {
  const last = stored.findLast(({ lastAt }) => lastAt <= at);
  return last === undefined ? undefined : windowAt(stored, last.lastAt, source);
};

export interface JudgedFeature extends FeatureAnswer {
  /** Coded: what the vector gets; null when there is nothing to give. */
  readonly used: number | null;
  /** The policy is to fail, and it is not PRESENT. */
  readonly fails: boolean;
}

/** Applies the policy for what is missing. `last-known` takes what is too old; there is nothing else it could take. */
export const judgeFeature = (feature: EntityFeature, answer: FeatureAnswer): JudgedFeature => {
  const { value, status } = answer;
  if (status === 'PRESENT') return judged(answer, value, false);
  const { missing, default: fallback } = feature;
  if (missing === 'default' && fallback !== undefined) return judged(answer, codeFeature(feature, fallback), false);
  if (missing === 'last-known' && status === 'OUTSIDE_MAX_AGE') return judged(answer, value, false);
  return judged(answer, null, missing === 'fail');
};

/** Named one by one: spreading costs more than the judgement. */
const judged = ({ value, status, eventAt }: FeatureAnswer, used: number | null, fails: boolean): JudgedFeature => ({
  value,
  status,
  eventAt,
  used,
  fails,
});
