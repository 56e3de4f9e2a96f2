/** When a request came, as far as can be told: a loop that is late reads it later than it came. */

export interface ArrivalTimes {
  /** Milliseconds; monotonic. */
  now(): number;
  /** Milliseconds for which the loop has had nothing to do, since it began. */
  idle(): number;
  /** Runs when what this turn of the loop has read is through. */
  afterTurn(run: () => void): void;
}

const LOOP: ArrivalTimes = {
  now: () => performance.now(),
  idle: () => performance.nodeTiming.idleTime,
  afterTurn: (run) => void setImmediate(run),
};

/** A loop that waited for so long between two turns had nothing left to read. */
const RESTED_MS = 0.2;

/**
 * A turn of the loop reads what came before it: when the loop went from one turn into the next without a rest, its sockets may have
 * held a request since the turn before began. That is taken for the arrival, so that a promise is never dated too late.
 */
export class Arrivals {
  readonly #times: ArrivalTimes;
  #turn: { readonly startedAt: number; readonly idle: number } | null = null;
  #isTurning = false;
  #arrivedAt = 0;

  constructor(times = LOOP) {
    this.#times = times;
  }

  /** For a request that is read now; by the clock of `performance.now()`. */
  arrivedAt(): number {
    if (!this.#isTurning) this.#begin();
    return this.#arrivedAt;
  }

  /** Milliseconds that what is read now may have waited to be read. */
  lateMs(): number {
    return this.#times.now() - this.arrivedAt();
  }

  #begin(): void {
    const startedAt = this.#times.now();
    const idle = this.#times.idle();
    const before = this.#turn;
    const isBehind = before !== null && idle - before.idle < RESTED_MS;
    this.#arrivedAt = isBehind ? before.startedAt : startedAt;
    this.#turn = { startedAt, idle };
    this.#isTurning = true;
    this.#times.afterTurn(() => {
      this.#isTurning = false;
    });
  }
}
