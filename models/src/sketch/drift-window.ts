/** Drift of the recent rows of several quantities out of the range of their references, in a fixed number of bytes. */
import { populationStabilityIndex } from './drift.ts';
import type { QuantileSketch } from './quantiles.ts';

export interface DriftPlan {
  /** Rows that are remembered; each costs one byte per quantity. */
  readonly rows: number;
  /** Fewer rows say nothing. */
  readonly minimumRows: number;
  /**
   * The range of every quantity holds at least [-leastRange, leastRange]: what is known to be no change, in the unit of the
   * quantities. 0 for quantities of different units.
   */
  readonly leastRange: number;
}

/** Share of the reference that lies below its range, and as much above. */
const OUTSIDE = 0.01;
/** A quantile of a sketch may be off by so much of itself. */
const SKETCH_ERROR = 0.01;
const EXPECTED = [OUTSIDE, 1 - 2 * OUTSIDE, OUTSIDE];

interface Quantity {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Remembered rows below, within and above the range. */
  readonly counts: [number, number, number];
  /** Where each of them lies: 0, 1 or 2. */
  readonly recent: Uint8Array;
}

const quantityOf = (name: string, reference: QuantileSketch, { rows, leastRange }: DriftPlan): Quantity => {
  const widened = (share: number, sign: -1 | 1): number => {
    const edge = reference.quantile(share) ?? 0;
    return edge + sign * SKETCH_ERROR * Math.abs(edge);
  };
  const low = Math.min(widened(OUTSIDE, -1), -leastRange || Infinity);
  const high = Math.max(widened(1 - OUTSIDE, 1), leastRange || -Infinity);
  return { name, low, high, counts: [0, 0, 0], recent: new Uint8Array(rows) };
};

const placeOf = ({ low, high }: Quantity, value: number): 0 | 1 | 2 => {
  if (value < low) return 0;
  return value > high ? 2 : 1;
};

/**
 * A device is one of the population a reference was drawn from, and narrower than it: quantiles of the reference as bins would call
 * every device drifted. So the index is taken over three parts: below the reference, within it, above it.
 */
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

  /** A quantity that is not given, or NaN, counts as within its range. */
  add(values: Readonly<Record<string, number>>): void {
    const slot = this.#rows % this.#plan.rows;
    for (const quantity of this.#quantities) {
      const { name, counts, recent } = quantity;
      if (this.#rows >= this.#plan.rows) counts[recent[slot] ?? 1] = (counts[recent[slot] ?? 1] ?? 0) - 1;
      const place = placeOf(quantity, values[name] ?? Number.NaN);
      counts[place] += 1;
      recent[slot] = place;
    }
    this.#rows += 1;
  }

  /** Population stability index by quantity; undefined while there are too few rows. */
  indices(): Record<string, number> | undefined {
    if (this.rows < this.#plan.minimumRows) return undefined;
    return Object.fromEntries(
      this.#quantities.map(({ name, counts }) => [name, populationStabilityIndex(EXPECTED, counts)]),
    );
  }
}
