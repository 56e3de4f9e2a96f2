/** Carries one update forward, state by state: does the work of the state, keeps what comes of it, and is called off by whatever changes the record meanwhile. */
import type { Random } from '../runtime.ts';
import { faultOf } from './update-fault.ts';
import type { UpdateEvent } from './update-plan.ts';
import { isTerminal, UPDATE_TABLE, workOf, type Work } from './update-table.ts';
import type { RecordKeeper } from './record-keeper.ts';
import type { Update } from './update-record.ts';

export type Facts = Partial<Pick<Update, 'selfTest' | 'shadow' | 'probation'>>;

/** What the work of a state is given. */
export interface WorkContext {
  readonly name: string;
  readonly update: Update;
  readonly signal: AbortSignal;
  /** Milliseconds in this state, those of earlier processes included. */
  readonly elapsedMs: () => number;
  /** Kept with the next look at the time. */
  readonly note: (facts: Facts) => void;
}

/** Resolves with what came of it; rejects with what went wrong, or when called off. */
export type DoWork = (context: WorkContext) => Promise<UpdateEvent>;

export interface UpdateRunOptions {
  readonly name: string;
  readonly keeper: RecordKeeper;
  readonly works: Readonly<Record<Work, DoWork>>;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly monotonic: () => number;
  readonly random: Random;
  readonly retryFirstMs: number;
  readonly onFault: (error: unknown) => void;
}

const RETRY_MAX_MS = 300_000;
/** How often the time spent in a state is kept: a fiftieth of its deadline, within these. */
const TICK_MS = { least: 1_000, most: 300_000 } as const;

export class UpdateRun {
  readonly #options: UpdateRunOptions;
  #callOff = new AbortController();

  constructor(options: UpdateRunOptions) {
    this.#options = options;
  }

  /** The record changed from outside: what is under way for an earlier state of it ends. */
  lookAgain(): void {
    this.#callOff.abort();
  }

  /** Resolves when the update has ended, or when `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { keeper, name } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      const { update } = keeper.model(name);
      if (update === null || isTerminal(update.state)) return;
      failures = (await this.#step(update, signal)) ? 0 : failures + 1;
      if (failures > 0) await this.#pauseAfter(failures, signal);
    }
  }

  /** @returns false when it is to be tried again later */
  async #step(update: Update, outer: AbortSignal): Promise<boolean> {
    this.#callOff = new AbortController();
    const signal = AbortSignal.any([outer, this.#callOff.signal]);
    const { keeper, name } = this.#options;
    const event = await this.#outcome(update, signal);
    if (event === undefined || outer.aborted) return true;
    try {
      await keeper.apply(name, event);
      return event.type !== 'failed' || !event.retryable;
    } catch (error) {
      // Nothing of it is on disk: the work is done again, which every work allows.
      this.#options.onFault(error);
      return false;
    }
  }

  /** Undefined when it was called off. */
  async #outcome(update: Update, signal: AbortSignal): Promise<UpdateEvent | undefined> {
    const { works, name, monotonic, onFault } = this.#options;
    const work = workOf(update);
    if (work === null) return undefined;
    const since = monotonic() - update.elapsedMs;
    const elapsedMs = (): number => monotonic() - since;
    let facts: Facts = {};
    const note = (noted: Facts): void => {
      facts = { ...facts, ...noted };
    };
    const done = new AbortController();
    // Held time is nobody's: no deadline runs in it.
    const ticking = update.held
      ? undefined
      : this.#tick(update, () => ({ elapsedMs: elapsedMs(), facts }), AbortSignal.any([signal, done.signal]));
    try {
      const event = await works[work]({ name, update, signal, elapsedMs, note });
      return signal.aborted ? undefined : event;
    } catch (error) {
      if (signal.aborted) return undefined;
      onFault(error);
      return { type: 'failed', in: update.state, ...faultOf(error) };
    } finally {
      done.abort();
      await ticking;
    }
  }

  /** Keeps the time, and ends the work when the deadline of its state is past. */
  async #tick(
    { assigned, state }: Update,
    look: () => { readonly elapsedMs: number; readonly facts: Facts },
    signal: AbortSignal,
  ): Promise<void> {
    const { keeper, name, pause } = this.#options;
    const deadlineMs = UPDATE_TABLE[state].deadlineMs(assigned);
    const everyMs = Math.min(TICK_MS.most, Math.max(TICK_MS.least, deadlineMs / 50));
    while (!signal.aborted) {
      const untilMs = Math.max(1, deadlineMs - look().elapsedMs + 1);
      try {
        await pause(Math.min(everyMs, untilMs), signal);
        const { update } = await keeper.apply(name, { type: 'progress', in: state, ...look() });
        if (update?.state !== state || update.held) this.#callOff.abort();
      } catch {
        // Called off, or the disk refuses: the next look keeps it.
      }
    }
  }

  async #pauseAfter(failures: number, signal: AbortSignal): Promise<void> {
    const { random, retryFirstMs, pause } = this.#options;
    this.#callOff = new AbortController();
    const most = Math.min(RETRY_MAX_MS, retryFirstMs * 2 ** Math.min(failures - 1, 20));
    const called = AbortSignal.any([signal, this.#callOff.signal]);
    await pause(most * (0.5 + random() / 2), called).catch(() => undefined);
  }
}
