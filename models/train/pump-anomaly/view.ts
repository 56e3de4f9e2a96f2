/** The feature view and window of pump-anomaly. */
import type { FeatureView } from '@shoal/models';
import { CHANNELS } from './pump-signal.ts';

export const WINDOW = {
  channels: [...CHANNELS],
  sampleRateHz: 1,
  lengthMs: 60_000,
  hopMs: 10_000,
  minCoverage: 0.5,
};

/**
 * A gap may be as long as the window: every window that is planned has a vector, unless a channel is missing altogether.
 * The clip keeps a broken sensor from overflowing what follows.
 */
export const featureView = (constants: Readonly<Record<string, { mean: number; std: number }>>): FeatureView => ({
  name: 'pump-window',
  revision: 1,
  channels: [...CHANNELS],
  resample: { op: 'resample', rateHz: 1, method: 'linear', maxGapMs: WINDOW.lengthMs, missing: { policy: 'fail' } },
  series: [
    { op: 'scale', method: 'z-score', constants },
    { op: 'clip', min: -100, max: 100 },
  ],
  features: [{ op: 'statistics', of: ['mean', 'std', 'slope', 'peak-to-peak'], quantiles: [] }],
});
