/** What a run's scores look like as a whole: what a validation and a report compare, small enough to keep with each run. */
import { binCounts, populationStabilityIndex, quantileEdges } from '../sketch/drift.ts';
import { QuantileSketch, type SerializedQuantiles } from '../sketch/quantiles.ts';

/** One output, or one feature, over all rows. */
export interface ColumnSummary {
  /** Rows with a finite value. */
  readonly values: number;
  /** Rows without one: null, NaN or infinite. */
  readonly missing: number;
  readonly sketch: SerializedQuantiles;
}

export interface ScoreSummary {
  readonly rows: number;
  readonly outputs: Readonly<Record<string, ColumnSummary>>;
}

/** Parts of equal weight that the reference is cut into, as is the custom for the index. */
const BINS = 10;
/** So many quantiles stand for a distribution. */
const SAMPLES = 1_000;

interface Column {
  missing: number;
  readonly sketch: QuantileSketch;
}

/** Adds up columns; a column that a row lacks is not missing, it is not there. */
export class ColumnTally {
  readonly #columns = new Map<string, Column>();

  add(name: string, value: number | null): void {
    let column = this.#columns.get(name);
    if (column === undefined) {
      column = { missing: 0, sketch: new QuantileSketch() };
      this.#columns.set(name, column);
    }
    if (value === null || !Number.isFinite(value)) column.missing += 1;
    else column.sketch.add(value);
  }

  summary(): Record<string, ColumnSummary> {
    return Object.fromEntries(
      [...this.#columns].map(([name, { missing, sketch }]) => [
        name,
        { values: sketch.count, missing, sketch: sketch.serialize() },
      ]),
    );
  }
}

const samplesOf = (sketch: QuantileSketch): number[] =>
  Array.from({ length: SAMPLES }, (_, i) => sketch.quantile((i + 0.5) / SAMPLES) ?? 0);

/** Population stability index of one column against its reference; 0 when either has no value. */
export const columnShift = (reference: ColumnSummary, actual: ColumnSummary): number => {
  const [before, now] = [reference, actual].map(({ sketch }) => QuantileSketch.deserialize(sketch));
  if (before === undefined || now === undefined || before.count === 0 || now.count === 0) return 0;
  const edges = quantileEdges(before, BINS);
  return populationStabilityIndex(binCounts(samplesOf(before), edges), binCounts(samplesOf(now), edges));
};
