/** What a dry run of a rule gave: each firing with its end. */
import { type RulePlan, type Run, type Transition } from '@shoal/models/alerts';
import type { AlertPreviewAnswer } from '@shoal/protocol';

type Firing = AlertPreviewAnswer['firings'][number];
type Open = { -readonly [K in keyof Firing]: Firing[K] };

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const spanText = (ms: number): string => {
  const [count, unit] = ms >= 2 * DAY_MS ? [ms / DAY_MS, 'day'] : [ms / HOUR_MS, 'hour'];
  const short = Number(count.toFixed(1));
  return short === 1 ? unit : `${short} ${unit}s`;
};

export class PreviewTally {
  readonly #firings: Firing[] = [];
  readonly #open = new Map<string, Open>();
  /** Until when an alert is open without anything more that is wrong. */
  readonly #quietAt = new Map<string, number>();

  take(key: string, transitions: readonly Transition[]): void {
    for (const { change, since, at, value, isClockBad } of transitions) {
      this.#closeQuiet(key, at);
      if (change === 'fired') {
        const firing = { key, since, firedAt: at, resolvedAt: null, value, clockBad: isClockBad };
        this.#open.set(key, firing);
        this.#firings.push(firing);
      }
      if (change === 'resolved') this.#close(key, at);
    }
  }

  /** Quiet is by the clock of the server, which at that time said what was received. */
  quiet({ quietMs }: RulePlan, key: string, { state }: Run, receivedAt: number): void {
    if (quietMs === undefined) return;
    this.#closeQuiet(key, receivedAt);
    if (this.#open.has(key)) this.#quietAt.set(key, state.heldAt + quietMs);
  }

  answer(
    { from, to }: { from: number; to: number },
    limit: number,
    rule: string,
  ): Omit<AlertPreviewAnswer, 'recordsRead' | 'isComplete'> {
    for (const key of this.#quietAt.keys()) this.#closeQuiet(key, to);
    const firings = this.#firings
      .filter(({ firedAt }) => firedAt >= from && firedAt < to)
      .toSorted((a, b) => a.firedAt - b.firedAt);
    const count = firings.length;
    const fired = count === 0 ? 'not have fired' : `have fired ${count === 1 ? 'once' : `${count} times`}`;
    return {
      sentence: `${rule} would ${fired} in the last ${spanText(to - from)}.`,
      count,
      keyCount: new Set(firings.map(({ key }) => key)).size,
      firings: firings.slice(0, limit),
      from,
      to,
    };
  }

  #closeQuiet(key: string, now: number): void {
    const quietAt = this.#quietAt.get(key);
    if (quietAt !== undefined && quietAt <= now) this.#close(key, quietAt);
  }

  #close(key: string, at: number): void {
    const open = this.#open.get(key);
    if (open !== undefined) open.resolvedAt = at;
    this.#open.delete(key);
    this.#quietAt.delete(key);
  }
}
