/** How far a distribution moved from a reference: the population stability index. */
import type { QuantileSketch } from './quantiles.ts';

/** Share given to an empty bin, so that the logarithm stays finite. */
const FLOOR = 1e-4;

/**
 * Sum of (p - q) ln(p / q) over bins; `expected` and `actual` are counts per bin in the same order, not necessarily of the
 * same total. By custom below 0.1 is stable, above 0.25 has shifted. 0 when either side is empty.
 */
export const populationStabilityIndex = (expected: readonly number[], actual: readonly number[]): number => {
  if (expected.length !== actual.length) throw new RangeError(`${expected.length} bins against ${actual.length}`);
  const totals = [expected, actual].map((counts) => counts.reduce((sum, count) => sum + count, 0));
  const [expectedTotal = 0, actualTotal = 0] = totals;
  if (expectedTotal === 0 || actualTotal === 0) return 0;
  return expected.reduce((index, count, bin) => {
    const p = Math.max((actual[bin] ?? 0) / actualTotal, FLOOR);
    const q = Math.max(count / expectedTotal, FLOOR);
    return index + (p - q) * Math.log(p / q);
  }, 0);
};

/** Inner edges that cut a reference into `bins` parts of equal weight; fewer when many values are equal. */
export const quantileEdges = (reference: QuantileSketch, bins: number): number[] => {
  const edges = Array.from({ length: bins - 1 }, (_, i) => reference.quantile((i + 1) / bins) ?? 0);
  return [...new Set(edges)].sort((a, b) => a - b);
};

/** Counts per bin; bin i holds values in (edge i-1, edge i], the last everything above. */
export const binCounts = (values: Iterable<number>, edges: readonly number[]): number[] => {
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  for (const value of values) {
    const found = edges.findIndex((edge) => value <= edge);
    const bin = found < 0 ? edges.length : found;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
};
