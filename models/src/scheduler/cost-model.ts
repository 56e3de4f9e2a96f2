/**
 * How long a batch of B rows takes, learnt from the last runs: t(B) = a + b·B, in milliseconds, transport included. The slope is the
 * median over pairs half the sample apart (Theil's incomplete method, 1950), the intercept the median of what is left: a stray run, a
 * garbage collection for instance, moves neither.
 */

const WINDOW = 256;
/** Runs between two fits; while there are few, every run counts. */
const REFIT_EVERY = 16;
const FEW = 32;
/** Runs that stay when the model is doubted. */
const DOUBTED = 8;
/** Share of runs the margin covers. */
const MARGIN_SHARE = 0.99;
/** Doubling a batch that gains less than this in rows per second only costs latency. */
const MIN_GAIN = 0.1;

const at = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

const median = (values: readonly number[]): number => {
  const sorted = Float64Array.from(values).sort();
  return (at(sorted, 0.5) + (sorted[Math.ceil(sorted.length / 2) - 1] ?? 0)) / 2;
};

interface Run {
  readonly rows: number;
  readonly ms: number;
}

interface Line {
  readonly a: number;
  readonly b: number;
}

/** Both terms at least 0. `slope` stands in where all runs have the same number of rows. */
const fit = (runs: readonly Run[], slope: number): Line => {
  const sorted = runs.toSorted((one, other) => one.rows - other.rows);
  const half = sorted.length >> 1;
  const slopes = sorted.slice(half).flatMap(({ rows, ms }, i) => {
    const low = sorted[i];
    return low === undefined || low.rows === rows ? [] : [(ms - low.ms) / (rows - low.rows)];
  });
  const b = Math.max(0, slopes.length === 0 ? slope : median(slopes));
  const a = median(runs.map(({ rows, ms }) => ms - b * rows));
  return a >= 0 ? { a, b } : { a: 0, b: median(runs.map(({ rows, ms }) => ms / Math.max(1, rows))) };
};

export class CostModel {
  /** Oldest first. */
  #runs: Run[] = [];
  #sinceFit = 0;
  #line: Line = { a: 0, b: 0 };
  #marginMs = 0;

  /** A run of `rows` that took `ms`, as it was seen from outside of the engine. */
  observe(rows: number, ms: number): void {
    if (!Number.isFinite(ms) || ms < 0) return;
    this.#runs.push({ rows, ms });
    if (this.#runs.length > WINDOW) this.#runs.shift();
    this.#sinceFit += 1;
    if (this.#runs.length > FEW && this.#sinceFit < REFIT_EVERY) return;
    this.#refit();
  }

  /** Keeps the last few runs only, so that the next ones can prove them wrong soon. */
  doubt(): void {
    this.#runs = this.#runs.slice(-DOUBTED);
  }

  /** Never negative, never less for more rows. */
  expectMs(rows: number): number {
    return this.#line.a + this.#line.b * rows;
  }

  /** What ninety-nine of a hundred runs stay within beyond the expected. */
  get marginMs(): number {
    return this.#marginMs;
  }

  /** Rows from which on a batch twice as large gains less than a tenth in rows per second: a / (a + 2·b·B) < 0.1. */
  get worthwhileRows(): number {
    const { a, b } = this.#line;
    return b === 0 ? Infinity : Math.max(1, Math.ceil((a / b) * ((1 - MIN_GAIN) / (2 * MIN_GAIN))));
  }

  #refit(): void {
    this.#sinceFit = 0;
    this.#line = fit(this.#runs, this.#line.b);
    const over = Float64Array.from(this.#runs, ({ rows, ms }) => ms - this.expectMs(rows)).sort();
    this.#marginMs = Math.max(0, at(over, MARGIN_SHARE));
  }
}
