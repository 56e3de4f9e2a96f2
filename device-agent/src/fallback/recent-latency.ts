/** Quantiles of the last durations of something. */

const REMEMBERED = 64;

export class RecentLatency {
  #values: number[] = [];

  /** Milliseconds. */
  add(ms: number): void {
    this.#values = [...this.#values, ms].slice(-REMEMBERED);
  }

  /** Null before the first; `share` 0 to 1. */
  quantile(share: number): number | null {
    const sorted = this.#values.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
  }
}
