/** What a question to the fleet may cost: time of one window, and requests of one device. Pure but for the bucket's own count. */

export interface TimeLeft {
  readonly budgetMs: number;
  readonly elapsedMs: number;
  /** Measured 95th percentile of the way back; 0 before anything was measured. */
  readonly returnMs: number;
}

/** Shorter than this nothing is worth asking. */
const LEAST_MS = 5;

/** What the server is given, so that its answer is here in time; undefined when it is too late to ask. */
export const remoteDeadlineMs = ({ budgetMs, elapsedMs, returnMs }: TimeLeft): number | undefined => {
  const leftMs = budgetMs - elapsedMs - returnMs;
  return leftMs >= LEAST_MS ? leftMs : undefined;
};

/** Requests that may come in bursts but not on average. Instants are milliseconds of a clock that never steps. */
export class RequestAllowance {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** Starts full. */
  constructor(perMinute: number, burst: number, at: number) {
    this.#perMs = perMinute / 60_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = at;
  }

  /** Takes one, when there is one. */
  take(at: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, at - this.#at) * this.#perMs);
    this.#at = Math.max(this.#at, at);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
