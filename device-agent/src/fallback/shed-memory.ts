/** What the server last said of its load, fading: a hint that is not renewed is worth half after a while. */

const HALF_LIFE_MS = 10_000;

export class ShedMemory {
  #value = 0;
  #at = 0;

  /** `value` from 0 (none) to 1 (ask nothing); `now` in milliseconds of a clock that never steps. */
  hear(value: number, now: number): void {
    this.#value = Math.min(1, Math.max(0, value));
    this.#at = now;
  }

  value(now: number): number {
    return this.#value * 2 ** (-Math.max(0, now - this.#at) / HALF_LIFE_MS);
  }
}
