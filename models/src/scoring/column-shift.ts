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

/** What chance alone makes of the index, on average, for samples of one distribution: with few values it tells nothing else. */
const CHANCE_AT_MOST = 0.1;

/** Whether a shift of so many values tells more than chance: from some 180 on either side. */
export const canTellShift = (reference: number, actual: number): boolean =>
  (BINS - 1) * (1 / reference + 1 / actual) <= CHANCE_AT_MOST;

/** Population stability index; 0 when either has no value. */
export const columnShift = (reference: SerializedQuantiles, actual: SerializedQuantiles): number => {
  const before = QuantileSketch.deserialize(reference);
  const now = QuantileSketch.deserialize(actual);
  if (before.count === 0 || now.count === 0) return 0;
  const edges = quantileEdges(before, BINS);
  return populationStabilityIndex(binCounts(samplesOf(before), edges), binCounts(samplesOf(now), edges));
};
