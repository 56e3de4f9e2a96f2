/** Puts the verdicts of two models about one entity side by side, also when they cut time differently. */
import type { ComparedVerdict } from './verdict-agreement.ts';
import type { Span } from './alarm-episodes.ts';

/** About [startAt, endAt) in event time. */
export interface BacktestVerdict extends Span, ComparedVerdict {
  readonly exceeded: boolean;
}

export interface VerdictPair {
  readonly champion: BacktestVerdict;
  readonly candidate: BacktestVerdict;
}

/**
 * A verdict of the base is held against the newest one of the candidate that was there by then, and not longer than
 * `withinMs`: with the same windows that is the one about the same window.
 */
export class VerdictPairs {
  readonly #withinMs: number;
  #newest: BacktestVerdict | undefined;
  unpaired = 0;

  /** `withinMs`: from one verdict of the candidate to its next. */
  constructor(withinMs: number) {
    this.#withinMs = withinMs;
  }

  /** Both by their end, and all that end before those of the next call. */
  pair(champions: readonly BacktestVerdict[], candidates: readonly BacktestVerdict[]): VerdictPair[] {
    const pairs: VerdictPair[] = [];
    let next = 0;
    for (const champion of champions) {
      for (; (candidates[next]?.endAt ?? Infinity) <= champion.endAt; next += 1) this.#newest = candidates[next];
      const candidate = this.#newest;
      if (candidate !== undefined && candidate.endAt > champion.endAt - this.#withinMs)
        pairs.push({ champion, candidate });
      else this.unpaired += 1;
    }
    this.#newest = candidates.at(-1) ?? this.#newest;
    return pairs;
  }
}
