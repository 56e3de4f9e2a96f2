/** What a model takes from a device's own normal: where its features lie, and how far they wander. Pure, so that edge, server and batch agree. */
import type { BundleManifest } from '../bundle/manifest.ts';
import type { CalibrationRule } from '../bundle/post-processing.ts';
import type { FeatureVector } from '../features/feature-vector.ts';

/** Found once per device and model version. */
export interface DeviceNormal {
  /** Median of each feature, in the order of the view; empty for a rule without a normaliser. */
  readonly location: readonly number[];
  /** Threshold that decides. */
  readonly threshold: number;
  /** False when the device wandered more than the rule allows: its threshold is then the most that is allowed. */
  readonly isSteady: boolean;
}

/** One that a device has to carry out. */
export type DeviceCalibrationRule = Exclude<CalibrationRule, { method: 'none' }>;

/** Undefined for a model that is taken as it is. */
export const deviceCalibration = ({ postProcessing }: BundleManifest): DeviceCalibrationRule | undefined =>
  postProcessing.kind === 'score' && postProcessing.calibration.method !== 'none'
    ? postProcessing.calibration
    : undefined;

/** The quantile of a small sample: the value at that share of the way from the least to the greatest, without interpolation. */
const quantileOf = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil((values.length - 1) * share)] ?? 0;

/** The middle value of each column: half of the windows may be disturbed before it leaves the normal ones. */
export const medianLocation = (rows: readonly (readonly number[])[]): number[] =>
  Array.from(rows[0] ?? [], (_, column) => {
    const values = rows.map((row) => row[column] ?? 0).sort((a, b) => a - b);
    const [below, above] = [values[(values.length - 1) >> 1] ?? 0, values[values.length >> 1] ?? 0];
    return (below + above) / 2;
  });

/**
 * Deviations of the features from `location`, in tolerances (absolute + relative · |location|), held within ± clip. The vector
 * itself for a rule without a normaliser.
 */
export const normaliseVector = (
  rule: DeviceCalibrationRule,
  location: readonly number[],
  vector: FeatureVector,
): FeatureVector => {
  if (rule.method !== 'device-normal') return vector;
  const { tolerances, clip } = rule;
  const values = vector.values.map((value, i) => {
    const { absolute, relative } = tolerances[vector.names[i] ?? ''] ?? { absolute: 1, relative: 0 };
    const middle = location[i] ?? 0;
    return Math.max(-clip, Math.min(clip, (value - middle) / (absolute + relative * Math.abs(middle))));
  });
  return { ...vector, values };
};

/** `scores` are those of the collected windows, under their own location; `floor` is the threshold of the bundle. */
export const ownThreshold = (
  rule: DeviceCalibrationRule,
  scores: readonly number[],
  floor: number,
): Pick<DeviceNormal, 'threshold' | 'isSteady'> => {
  const wandered = rule.factor * quantileOf(scores, rule.quantile);
  if (rule.method === 'device-quantile') return { threshold: wandered, isSteady: true };
  const most = rule.steadyFactor * floor;
  return { threshold: Math.min(most, Math.max(floor, wandered)), isSteady: wandered <= most };
};

/** Bounds what an endless collection may hold. */
export const MAX_COLLECTED_WINDOWS = 1_000;

/** What to do with a window that ends `samples` samples after the collection began: learn from it, or learn no more. */
export const collectionStep = (
  rule: DeviceCalibrationRule,
  { rows }: { readonly rows: { readonly length: number } },
  samples: number,
  samplesWanted: number,
): 'collect' | 'conclude' => {
  if (rows.length >= MAX_COLLECTED_WINDOWS) return 'conclude';
  if (rows.length < rule.minimumWindows) return 'collect';
  return rule.method === 'device-normal' && samples <= samplesWanted ? 'collect' : 'conclude';
};
