/** Decides whether the answer of a device is good enough or the fleet is asked: pure. */
import type { EscalationPolicy } from '@shoal/protocol/wire';

/** What is known of one answer. */
export interface Evidence {
  /** Of each class; absent for a model that gives none. */
  readonly probabilities?: readonly number[];
  /** Absent while the device does not know its threshold. */
  readonly score?: { readonly value: number; readonly threshold: number };
  /** Share of the features outside the reference of the bundle; absent without one. */
  readonly outside?: number;
}

export type EscalationReason = 'probability' | 'margin' | 'entropy' | 'near-threshold' | 'outside' | 'audit';

/** Of a distribution, 0 to 1; 0 · log 0 is 0. */
export const normalisedEntropy = (probabilities: readonly number[]): number => {
  if (probabilities.length < 2) return 0;
  const bits = probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
  return Math.min(1, Math.max(0, bits / Math.log(probabilities.length)));
};

const margin = (probabilities: readonly number[]): number => {
  const [first = 0, second = 0] = probabilities.toSorted((a, b) => b - a);
  return first - second;
};

/** Distance of a score from its threshold in thresholds; infinite where there is no finite one. */
export const thresholdDistance = ({ value, threshold }: NonNullable<Evidence['score']>): number =>
  Number.isFinite(threshold) ? Math.abs(value - threshold) / Math.max(Math.abs(threshold), Number.EPSILON) : Infinity;

/** 0: sure; 1: as unsure as can be. */
export const uncertainty = ({ probabilities, score }: Evidence): number => {
  if (probabilities !== undefined) return normalisedEntropy(probabilities);
  return score === undefined ? 0 : Math.max(0, 1 - thresholdDistance(score));
};

/** A policy that asks for less the more the server sheds: at 1 for nothing. */
export const underShed = (policy: EscalationPolicy, shed: number): EscalationPolicy => {
  const keep = 1 - Math.min(1, Math.max(0, shed));
  const shrunk = (limit: number | null | undefined): number | null => (limit == null ? null : limit * keep);
  const raised = (limit: number | null | undefined): number | null => (limit == null ? null : 1 - (1 - limit) * keep);
  return {
    minProbability: shrunk(policy.minProbability),
    minMargin: shrunk(policy.minMargin),
    maxEntropy: raised(policy.maxEntropy),
    nearThreshold: shrunk(policy.nearThreshold),
    maxOutside: raised(policy.maxOutside),
    auditShare: shrunk(policy.auditShare),
  };
};

/** The first reason to ask, or undefined. `chance` in [0, 1) draws the audit. */
export const escalationReason = (
  policy: EscalationPolicy,
  evidence: Evidence,
  chance: number,
): EscalationReason | undefined => {
  const { minProbability, minMargin, maxEntropy, nearThreshold, maxOutside, auditShare } = policy;
  const { probabilities, score, outside } = evidence;
  if (probabilities !== undefined && probabilities.length > 0) {
    if (minProbability != null && Math.max(...probabilities) < minProbability) return 'probability';
    if (minMargin != null && margin(probabilities) < minMargin) return 'margin';
    if (maxEntropy != null && normalisedEntropy(probabilities) > maxEntropy) return 'entropy';
  }
  if (score !== undefined && nearThreshold != null && thresholdDistance(score) < nearThreshold) return 'near-threshold';
  if (outside !== undefined && maxOutside != null && outside > maxOutside) return 'outside';
  return auditShare != null && chance < auditShare ? 'audit' : undefined;
};
