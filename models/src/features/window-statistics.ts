/** Statistics of one evenly sampled series; population moments, zero where a moment is undefined. */
import type { Statistic } from './feature-view.ts';

const sum = (series: Float64Array, term: (value: number, index: number) => number): number => {
  let total = 0;
  for (let i = 0; i < series.length; i += 1) total += term(series[i] ?? 0, i);
  return total;
};

const mean = (series: Float64Array): number => sum(series, (value) => value) / series.length;

/** Central moment of the given order, divided by n. */
const moment = (series: Float64Array, order: number): number => {
  const center = mean(series);
  return sum(series, (value) => (value - center) ** order) / series.length;
};

/** A series whose spread is rounding noise has no shape: skew and kurtosis are 0. */
const standardised = (series: Float64Array, order: number): number => {
  const deviation = Math.sqrt(moment(series, 2));
  return deviation > 1e-12 * Math.max(1, Math.abs(mean(series))) ? moment(series, order) / deviation ** order : 0;
};

const minimum = (series: Float64Array): number => series.reduce((least, value) => Math.min(least, value), Infinity);
const maximum = (series: Float64Array): number => series.reduce((most, value) => Math.max(most, value), -Infinity);

/** Least squares, per second. */
const slope = (series: Float64Array, rateHz: number): number => {
  const n = series.length;
  const middle = (n - 1) / 2;
  const spread = (n * (n * n - 1)) / 12;
  return spread === 0 ? 0 : (sum(series, (value, i) => value * (i - middle)) / spread) * rateHz;
};

type Formula = (series: Float64Array, rateHz: number) => number;

/** `kurtosis` is not the excess: 3 for a normal distribution. */
export const STATISTIC_FORMULAS: Readonly<Record<Statistic, Formula>> = {
  mean,
  std: (series) => Math.sqrt(moment(series, 2)),
  min: minimum,
  max: maximum,
  rms: (series) => Math.sqrt(sum(series, (value) => value * value) / series.length),
  'peak-to-peak': (series) => maximum(series) - minimum(series),
  skew: (series) => standardised(series, 3),
  kurtosis: (series) => standardised(series, 4),
  slope,
};

/** Linear interpolation between order statistics (Hyndman and Fan 1996, type 7). */
export const quantile = (series: Float64Array, share: number): number => {
  const sorted = Float64Array.from(series).sort();
  const position = (sorted.length - 1) * share;
  const below = Math.floor(position);
  const low = sorted[below] ?? 0;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? low;
  return low + (high - low) * (position - below);
};
