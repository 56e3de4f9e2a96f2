/** A token bucket that may go into debt: what is over the rate is delayed, never dropped. */

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: number;

  /** @param now milliseconds of a clock that never steps */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  /** @returns milliseconds to wait before what took the tokens may go on; 0 within the rate */
  take(tokens: number, now: number): number {
    const refill = ((now - this.#filledAt) * this.#rate.perSecond) / 1_000;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + refill) - tokens;
    this.#filledAt = now;
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1_000) / this.#rate.perSecond;
  }
}
