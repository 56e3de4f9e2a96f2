/**
 * How long a backlog rests between its slices beside light traffic. A slice keeps a processor and the disk busy for about a
 * millisecond, and what follows the log for as long again; resting in proportion leaves both free most of the time, whatever
 * they are worth, so that what is light hardly ever waits.
 */

/** Of the time a slice took. */
const REST_SHARE = 1;
/** One that took longer met something else. */
const LONGEST_MS = 20;

export class BacklogPace {
  #restUntil = -Infinity;

  /** A slice is stored. `now`: milliseconds of a clock that never steps. */
  worked(tookMs: number, now: number): void {
    this.#restUntil = now + REST_SHARE * Math.min(tookMs, LONGEST_MS);
  }

  /** @returns milliseconds until the next slice, 0 when it may be taken now */
  restMs(now: number): number {
    return Math.max(0, this.#restUntil - now);
  }
}
