/** Counts what became of the windows of one model. */
import type { PredictionSource } from '@shoal/protocol/wire';
import type { FallbackCounters } from './fallback-report.ts';

const TOLERATED = 1.1;

class Counts {
  readonly #counts = new Map<string, number>();

  add(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  entries(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

export class FallbackTally {
  readonly #answers = new Counts();
  readonly #asked = new Counts();
  readonly #notAsked = new Counts();
  readonly #failed = new Counts();
  #overBudget = 0;
  #longestMs = 0;
  #late = 0;

  answered(source: PredictionSource, elapsedMs: number, budgetMs: number): void {
    this.#answers.add(source);
    this.#longestMs = Math.max(this.#longestMs, elapsedMs);
    if (elapsedMs > budgetMs * TOLERATED) this.#overBudget += 1;
  }

  asked(reason: string): void {
    this.#asked.add(reason);
  }

  notAsked(why: string): void {
    this.#notAsked.add(why);
  }

  failed(why: string): void {
    this.#failed.add(why);
  }

  late(): void {
    this.#late += 1;
  }

  counters(): FallbackCounters {
    return {
      answers: this.#answers.entries(),
      overBudget: this.#overBudget,
      longestMs: this.#longestMs,
      asked: this.#asked.entries(),
      notAsked: this.#notAsked.entries(),
      failed: this.#failed.entries(),
      late: this.#late,
    };
  }
}
