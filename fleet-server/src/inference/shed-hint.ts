/** How much of the fallback traffic the server would rather not see now, as devices are told with every answer: pure but for its clock. */

/** What was refused counts half after this. */
const HALF_LIFE_MS = 5_000;
/** A queue less full than this is no reason. */
const WATERMARK = 0.5;

export class ShedHint {
  readonly #now: () => number;
  #at = 0;
  #admitted = 0;
  #refused = 0;

  /** `now` in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  admitted(): void {
    this.#fade();
    this.#admitted += 1;
  }

  refused(): void {
    this.#fade();
    this.#refused += 1;
  }

  /**
   * Between 0 and 1: the share of fallbacks refused of late, or how far the queue is over its watermark, whichever is more.
   * `queueFill` is what waits, as a share of what may.
   */
  value(queueFill: number): number {
    this.#fade();
    const asked = this.#admitted + this.#refused;
    const refusedShare = this.#refused < 0.5 ? 0 : this.#refused / asked;
    const overfull = Math.max(0, queueFill - WATERMARK) / (1 - WATERMARK);
    return Math.min(1, Math.round(Math.max(refusedShare, overfull) * 100) / 100);
  }

  #fade(): void {
    const now = this.#now();
    const share = 2 ** (-Math.max(0, now - this.#at) / HALF_LIFE_MS);
    this.#admitted *= share;
    this.#refused *= share;
    this.#at = now;
  }
}
