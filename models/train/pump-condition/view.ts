/** The feature view and window of pump-condition: the channels and windows of pump-anomaly, fewer features. */
import type { FeatureView } from '@shoal/models';
import { CHANNELS } from '../pump-anomaly/pump-signal.ts';
import { WINDOW } from '../pump-anomaly/view.ts';

export { WINDOW };

/** The clip keeps what is merely very bad from hiding what is slightly bad: beyond it a fault is plain anyway. */
export const conditionView = (constants: Readonly<Record<string, { mean: number; std: number }>>): FeatureView => ({
  name: 'pump-condition-window',
  revision: 1,
  channels: [...CHANNELS],
  resample: { op: 'resample', rateHz: 1, method: 'linear', maxGapMs: WINDOW.lengthMs, missing: { policy: 'fail' } },
  series: [
    { op: 'scale', method: 'z-score', constants },
    { op: 'clip', min: -15, max: 15 },
  ],
  features: [
    {
      op: 'statistics',
      channels: ['Accelerometer1RMS', 'Accelerometer2RMS', 'Volume Flow RateRMS'],
      of: ['mean', 'std', 'slope'],
      quantiles: [],
    },
    { op: 'statistics', channels: ['Current', 'Pressure', 'Voltage'], of: ['mean'], quantiles: [] },
  ],
});
