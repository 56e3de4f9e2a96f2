/** Paces what may come in bursts but not on average. */

export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** Starts full; instants are milliseconds of a clock that never steps. */
  constructor(perSecond: number, burst: number, at: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = at;
  }

  /** Milliseconds until anything may be taken; 0 when it may now. */
  delayMs(at: number): number {
    this.#refill(at);
    return this.#tokens > 0 ? 0 : Math.ceil(((1 - this.#tokens) * 1_000) / this.#perSecond);
  }

  /** May overdraw: what was too much is waited for afterwards. */
  take(count: number, at: number): void {
    this.#refill(at);
    this.#tokens -= count;
  }

  #refill(at: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (Math.max(0, at - this.#at) * this.#perSecond) / 1_000);
    this.#at = at;
  }
}
