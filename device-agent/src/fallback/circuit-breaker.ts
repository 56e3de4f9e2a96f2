/** Stops asking a server that does not answer well, and finds out when it does again. Its clock is an argument. */

export interface BreakerRules {
  /** Outcomes looked back at, and how many there must be before they tell anything. */
  readonly window: number;
  readonly minimum: number;
  /** Opens at this share of failures, or when the 95th percentile of the answers is over the budget. */
  readonly failureShare: number;
  /** Of the first rest; each failed probe doubles it up to the longest. */
  readonly restMs: number;
  readonly longestRestMs: number;
  /** Good probes in a row that close it. */
  readonly probes: number;
}

export const BREAKER_RULES: BreakerRules = {
  window: 10,
  minimum: 4,
  failureShare: 0.5,
  restMs: 2_000,
  longestRestMs: 60_000,
  probes: 2,
};

export type BreakerState = 'closed' | 'open' | 'half-open';

interface Outcome {
  readonly isGood: boolean;
  readonly latencyMs: number;
}

const p95 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? 0;

export class CircuitBreaker {
  readonly #rules: BreakerRules;
  #outcomes: Outcome[] = [];
  #state: BreakerState = 'closed';
  #openUntil = 0;
  #restMs: number;
  #goodProbes = 0;
  #probeOut = false;
  #opened = 0;
  #closed = 0;
  #period = 0;

  constructor(rules: BreakerRules = BREAKER_RULES) {
    this.#rules = rules;
    this.#restMs = rules.restMs;
  }

  /** `opened` and `closed` count the transitions. */
  report(): { readonly state: BreakerState; readonly opened: number; readonly closed: number } {
    return { state: this.#state, opened: this.#opened, closed: this.#closed };
  }

  /** Changes with every transition: what was asked before says nothing about after. */
  get period(): number {
    return this.#period;
  }

  /** Whether one may ask now; who may must report the outcome. When half open one at a time. */
  admit(now: number): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'open' && now >= this.#openUntil) this.#become('half-open');
    if (this.#state === 'open' || this.#probeOut) return false;
    this.#probeOut = true;
    return true;
  }

  /** `isGood`: a usable answer, however late. `latencyMs` is compared with `budgetMs`. `period`: when it was asked. */
  note(outcome: Outcome, budgetMs: number, now: number, period = this.#period): void {
    if (this.#state === 'open' || period !== this.#period) return;
    if (this.#state === 'half-open') return this.#probed(outcome.isGood && outcome.latencyMs <= budgetMs, now);
    this.#outcomes = [...this.#outcomes, outcome].slice(-this.#rules.window);
    if (this.#isBad(budgetMs)) this.#open(now);
  }

  /** There is a new connection: what was learnt on the one before is old, and the rest is the first one again. */
  reconnected(now: number): void {
    this.#restMs = this.#rules.restMs;
    if (this.#state === 'open') this.#openUntil = Math.min(this.#openUntil, now + this.#restMs);
  }

  /** Nothing was learnt: the question was withdrawn. */
  withdraw(period = this.#period): void {
    if (period === this.#period) this.#probeOut = false;
  }

  #isBad(budgetMs: number): boolean {
    const { minimum, failureShare } = this.#rules;
    if (this.#outcomes.length < minimum) return false;
    const good = this.#outcomes.filter(({ isGood }) => isGood).map(({ latencyMs }) => latencyMs);
    return 1 - good.length / this.#outcomes.length >= failureShare || p95(good) > budgetMs;
  }

  #probed(isGood: boolean, now: number): void {
    this.#probeOut = false;
    if (!isGood) {
      this.#restMs = Math.min(this.#rules.longestRestMs, this.#restMs * 2);
      this.#open(now);
      return;
    }
    this.#goodProbes += 1;
    if (this.#goodProbes < this.#rules.probes) return;
    this.#become('closed');
    this.#closed += 1;
    this.#outcomes = [];
    this.#restMs = this.#rules.restMs;
  }

  #open(now: number): void {
    this.#become('open');
    this.#opened += 1;
    this.#openUntil = now + this.#restMs;
    this.#goodProbes = 0;
    this.#probeOut = false;
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#period += 1;
  }
}
