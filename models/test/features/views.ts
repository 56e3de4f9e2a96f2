/** Small feature views and windows of one channel `a`, to be filled in by a test. */
import {
  evaluateFeatureView,
  type FeatureStep,
  type FeatureView,
  type ResampleStep,
  type SampleWindow,
  type SeriesStep,
} from '@shoal/models';

export const RESAMPLE: ResampleStep = {
  op: 'resample',
  rateHz: 1,
  method: 'linear',
  maxGapMs: 5_000,
  missing: { policy: 'fail' },
};
const FLAT: FeatureStep[] = [{ op: 'flatten' }];
export const view = (patch: Partial<FeatureView> = {}): FeatureView => ({
  name: 'test',
  revision: 1,
  channels: ['a'],
  resample: RESAMPLE,
  series: [],
  features: FLAT,
  ...patch,
});
export const window = (
  lengthMs: number,
  points: readonly (readonly [at: number, a: number | null])[],
): SampleWindow => ({
  startAt: 0,
  endAt: lengthMs,
  samples: points.map(([observedAt, a]) => ({ observedAt, values: { a } })),
});
export const even = (...values: number[]): SampleWindow =>
  window(
    values.length * 1_000,
    values.map((value, i) => [i * 1_000, value]),
  );
export const values = (definition: FeatureView, of: SampleWindow): number[] => [
  ...evaluateFeatureView(definition, of).values,
];
export const resampled = (step: Partial<ResampleStep>, of: SampleWindow): number[] =>
  values(view({ resample: { ...RESAMPLE, ...step } }), of);
export const stepped = (series: SeriesStep[], of: SampleWindow): number[] => values(view({ series }), of);
export const feature = (step: FeatureStep, of: SampleWindow): Record<string, number> => {
  const vector = evaluateFeatureView(view({ features: [step] }), of);
  return Object.fromEntries(vector.names.map((name, i) => [name, vector.values[i] ?? Number.NaN]));
};
