/** What a model has to beat: a smoothed largest absolute z of vibration and flow, calibrated on the same rows. */
import { quantile } from '../../bench/harness.ts';
import type { ExperimentRow } from './experiments.ts';

const CHANNELS = ['Accelerometer1RMS', 'Accelerometer2RMS', 'Volume Flow RateRMS'];
/** Rows of the moving average, as an exponential one of the same centre of mass. */
const SMOOTHED_OVER = 40;
const QUANTILE = 0.99;
const FACTOR = 1.3;
/** Makes a median absolute deviation a standard deviation. */
const NORMAL_CONSISTENT = 1.4826;

const robust = (values: readonly number[]): { readonly median: number; readonly deviation: number } => {
  const median = quantile(values, 0.5);
  const spread = quantile(
    values.map((value) => Math.abs(value - median)),
    0.5,
  );
  return { median, deviation: NORMAL_CONSISTENT * spread + 1e-9 };
};

const largestZ = (rows: readonly ExperimentRow[], calibrationRows: number): number[] => {
  const columns = CHANNELS.map((channel) => rows.map(({ values }) => values[channel] ?? 0));
  const scales = columns.map((column) => robust(column.slice(0, calibrationRows)));
  return rows.map((_, i) =>
    Math.max(
      ...columns.map((column, c) => {
        const { median, deviation } = scales[c] ?? { median: 0, deviation: 1 };
        return Math.abs((column[i] ?? 0) - median) / deviation;
      }),
    ),
  );
};

const smoothed = (values: readonly number[]): number[] => {
  let level = values[0] ?? 0;
  return values.map((value) => (level += (2 / (SMOOTHED_OVER + 1)) * (value - level)));
};

/** A verdict per row. */
export const baselineVerdicts = (rows: readonly ExperimentRow[], calibrationRows: number): boolean[] => {
  const scores = smoothed(largestZ(rows, calibrationRows));
  const threshold = FACTOR * quantile(scores.slice(0, calibrationRows), QUANTILE);
  return scores.map((score) => score > threshold);
};
