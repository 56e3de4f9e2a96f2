/** Records of one key as they come, joined to runs that are not interrupted for a session's gap. */
import type { Scalar } from '@shoal/protocol/wire';
import type { StreamPlan } from './stream-plan.ts';
import { WindowState } from './window-state.ts';

export interface KeyedRecord {
  readonly eventAt: number;
  readonly sequence: number;
  readonly isClockBad: boolean;
  readonly values: readonly Scalar[];
}

export class SessionRuns {
  readonly #plan: StreamPlan;
  readonly #gapMs: number;
  /** By time; more than the gap apart. */
  readonly #runs: WindowState[] = [];

  constructor(plan: StreamPlan) {
    this.#plan = plan;
    this.#gapMs = plan.levelMs[0];
  }

  /** `earliest` and `latest` of each say where it lies. */
  get runs(): readonly WindowState[] {
    return this.#runs;
  }

  add({ eventAt, sequence, isClockBad, values }: KeyedRecord): void {
    const at = this.#runs.findLastIndex(({ earliest }) => earliest <= eventAt);
    const before = this.#runs[at];
    const after = this.#runs[at + 1];
    const joinsBefore = before !== undefined && eventAt - before.latest < this.#gapMs;
    const joinsAfter = after !== undefined && after.earliest - eventAt < this.#gapMs;
    if (joinsBefore) {
      before.add(eventAt, sequence, isClockBad, values);
      if (joinsAfter) this.#runs.splice(at, 2, before.merge(after));
    } else if (joinsAfter) {
      after.add(eventAt, sequence, isClockBad, values);
    } else {
      const run = new WindowState(this.#plan);
      run.add(eventAt, sequence, isClockBad, values);
      this.#runs.splice(at + 1, 0, run);
    }
  }
}
