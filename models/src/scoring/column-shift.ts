/** How far a column of a run moved from the same column of another run, out of their sketches alone. */
import { binCounts, populationStabilityIndex, quantileEdges } from '../sketch/drift.ts';
import { QuantileSketch, type SerializedQuantiles } from '../sketch/quantiles.ts';

/** Parts of equal weight that the reference is cut into, as is the custom for the index. */
const BINS = 10;
/** So many quantiles stand for a distribution. */
const SAMPLES = 1_000;

/** Values that stand for a sketch, each for the same share of it, ascending; none for an empty one. */
export const sketchSamples = (sketch: SerializedQuantiles): number[] =>
  sketch.count === 0 ? [] : samplesOf(QuantileSketch.deserialize(sketch));

const samplesOf = (sketch: QuantileSketch): number[] =>
  Array.from({ length: SAMPLES }, (_, i) => sketch.quantile((i + 0.5) / SAMPLES) ?? 0);

/** Population stability index; 0 when either has no value. */
export const columnShift = (reference: SerializedQuantiles, actual: SerializedQuantiles): number => {
  const before = QuantileSketch.deserialize(reference);
  const now = QuantileSketch.deserialize(actual);
  if (before.count === 0 || now.count === 0) return 0;
  const edges = quantileEdges(before, BINS);
  return populationStabilityIndex(binCounts(samplesOf(before), edges), binCounts(samplesOf(now), edges));
};
