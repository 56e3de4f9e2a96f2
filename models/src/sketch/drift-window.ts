/** Drift of the recent rows of several quantities against their references, in a fixed number of bytes. */
import { populationStabilityIndex } from './drift.ts';
import type { QuantileSketch } from './quantiles.ts';

export interface DriftPlan {
  /** Rows that are remembered; each costs one byte per quantity. */
  readonly rows: number;
  /** Fewer rows say nothing. */
  readonly minimumRows: number;
  /** Parts of equal weight the references are cut into, at most 256. */
  readonly bins: number;
}

interface Quantity {
  readonly name: string;
  /** Ascending; bin i holds values in (edge i-1, edge i]. */
  readonly edges: readonly number[];
  /** Weights of the bins in the reference. */
  readonly expected: readonly number[];
  readonly counts: number[];
  /** Bin of each remembered row. */
  readonly recent: Uint8Array;
}

/** Equal values share an edge, whose bin then weighs as much as all of theirs. */
const quantityOf = (name: string, reference: QuantileSketch, plan: DriftPlan): Quantity => {
  const upTo = new Map<number, number>();
  for (let part = 1; part < plan.bins; part += 1) upTo.set(reference.quantile(part / plan.bins) ?? 0, part);
  const ordered = [...upTo].sort(([a], [b]) => a - b);
  const parts = [...ordered.map(([, part]) => part), plan.bins];
  const expected = parts.map((part, i) => part - (parts[i - 1] ?? 0));
  const counts = expected.map(() => 0);
  return { name, edges: ordered.map(([edge]) => edge), expected, counts, recent: new Uint8Array(plan.rows) };
};

const binOf = (edges: readonly number[], value: number): number => {
  const found = edges.findIndex((edge) => value <= edge);
  return found < 0 ? edges.length : found;
};

export class DriftWindow {
  readonly #plan: DriftPlan;
  readonly #quantities: readonly Quantity[];
  #rows = 0;

  /** References without a value are left out. */
  constructor(references: Readonly<Record<string, QuantileSketch>>, plan: DriftPlan) {
    this.#plan = plan;
    this.#quantities = Object.entries(references)
      .filter(([, reference]) => reference.count > 0)
      .map(([name, reference]) => quantityOf(name, reference, plan));
  }

  /** Rows that count now. */
  get rows(): number {
    return Math.min(this.#rows, this.#plan.rows);
  }

  /** Forgets all rows. */
  clear(): void {
    this.#rows = 0;
    for (const { counts } of this.#quantities) counts.fill(0);
  }

  /** A quantity that is not given, or not finite, counts as 0. */
  add(values: Readonly<Record<string, number>>): void {
    const slot = this.#rows % this.#plan.rows;
    for (const { name, edges, counts, recent } of this.#quantities) {
      const value = values[name] ?? 0;
      const [bin, gone] = [binOf(edges, Number.isFinite(value) ? value : 0), recent[slot] ?? 0];
      if (this.#rows >= this.#plan.rows) counts[gone] = (counts[gone] ?? 0) - 1;
      counts[bin] = (counts[bin] ?? 0) + 1;
      recent[slot] = bin;
    }
    this.#rows += 1;
  }

  /** Population stability index by quantity; undefined while there are too few rows. */
  indices(): Record<string, number> | undefined {
    if (this.rows < this.#plan.minimumRows) return undefined;
    return Object.fromEntries(
      this.#quantities.map(({ name, expected, counts }) => [name, populationStabilityIndex(expected, counts)]),
    );
  }
}
