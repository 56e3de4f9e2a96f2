/**
 * The windows of one stream as a reducer: records and the clock in, changed windows and what is to be published out. It
 * knows no file and no clock of its own; the same records in any order leave the same windows.
 */
import type { Labels, StreamTally } from '@shoal/protocol';
import type { Scalar } from '@shoal/protocol/wire';
import { getOrMake } from './get-or-make.ts';
import type { RecordColumns } from './record-columns.ts';
import { SessionRuns } from './session-runs.ts';
import { takeIn } from './stream-intake.ts';
import type { StreamPlan } from './stream-plan.ts';
import type { HeldWindow, Level, WindowBook, WindowId } from './window-book.ts';
import { WindowState } from './window-state.ts';

/** Windows of a level that end at or before are gone; data for them enters the next level. */
export type Horizon = readonly [window: number, hour: number, day: number];

export interface StepInput {
  readonly batches: readonly RecordColumns[];
  readonly labelsOf: (deviceId: string) => Labels;
  readonly horizon: Horizon;
  /** How far the event time of a key has come. */
  readonly watermarkOf: (key: string) => number;
  /** Keys whose open windows are looked at; absent: all. */
  readonly keys?: Iterable<string>;
  /** Called after each batch, pane and key: whoever shares its processor may sleep in it. */
  readonly between?: () => void;
}

export const emptyTally = (): StreamTally => ({
  windowed: 0,
  filtered: 0,
  unkeyed: 0,
  rolledUp: 0,
  expired: 0,
  late: 0,
  clockBad: 0,
});

/** One step of one stream. The book holds what changed; `published` has the new revision of each window once. */
export class WindowReducer {
  readonly #plan: StreamPlan;
  readonly #book: WindowBook;
  readonly #horizon: Horizon;
  readonly #between: () => void;
  readonly #published = new Set<HeldWindow>();
  readonly tally = emptyTally();

  private constructor(plan: StreamPlan, book: WindowBook, { horizon, between }: StepInput) {
    this.#plan = plan;
    this.#book = book;
    this.#horizon = horizon;
    this.#between = between ?? (() => undefined);
  }

  static step(
    plan: StreamPlan,
    book: WindowBook,
    input: StepInput,
  ): { readonly published: readonly HeldWindow[]; readonly tally: StreamTally } {
    const reducer = new WindowReducer(plan, book, input);
    reducer.#take(input);
    reducer.#close(input);
    for (const window of reducer.#published) {
      window.revision += 1;
      book.put(window);
    }
    return { published: [...reducer.#published], tally: reducer.tally };
  }

  #take({ batches, labelsOf }: StepInput): void {
    const { kind } = this.#plan.definition.window;
    if (kind === 'session') this.#sessions(batches, labelsOf);
    else if (kind === 'count') this.#counts(batches, labelsOf);
    else this.#panes(batches, labelsOf);
  }

  /** Tumbling and hopping: records of one pane are gathered once, and merged into every window that holds the pane. */
  #panes(batches: readonly RecordColumns[], labelsOf: StepInput['labelsOf']): void {
    const { window } = this.#plan.definition;
    const paneMs = window.kind === 'hopping' ? window.everyMs : this.#plan.levelMs[0];
    const gathered = new Map<string, Map<number, WindowState>>();
    // Records that follow each other nearly always share the pane.
    let [lastKey, lastPane, lastState]: [string | undefined, number, WindowState] = [undefined, 0, this.#empty()];
    this.#each(batches, labelsOf, (key, columns, row, values) => {
      const eventAt = columns.eventAt[row] ?? 0;
      const pane = Math.floor(eventAt / paneMs) * paneMs;
      if (pane !== lastPane || key !== lastKey) {
        const ofKey = getOrMake(gathered, key, () => new Map<number, WindowState>());
        [lastKey, lastPane, lastState] = [key, pane, getOrMake(ofKey, pane, () => this.#empty())];
      }
      lastState.add(eventAt, columns.sequence[row] ?? 0, columns.clock[row] === 'bad', values);
    });
    for (const [key, panes] of gathered) {
      for (const [pane, state] of panes) {
        this.#place(key, pane, paneMs, state);
        this.#between();
      }
    }
  }

  #place(key: string, pane: number, paneMs: number, state: WindowState): void {
    const [sizeMs] = this.#plan.levelMs;
    let [isPlaced, isLate] = [false, false];
    for (let start = pane - sizeMs + paneMs; start <= pane; start += paneMs) {
      if (start < 0 || start + sizeMs <= this.#horizon[0]) continue;
      isPlaced = true;
      if (this.#merge(0, key, start, state)) isLate = true;
    }
    if (isPlaced) this.#windowed(state, isLate);
    else this.#rollUpLate(key, state);
  }

  /** @returns whether the window was final already */
  #merge(level: Level, key: string, start: number, state: WindowState): boolean {
    const sizeMs = this.#plan.levelMs[level] ?? 0;
    const held = this.#book.find({ level, key, start });
    if (held === undefined) {
      this.#put({ ...this.#fresh({ level, key, start }, start + sizeMs), state: this.#empty().merge(state) });
      return false;
    }
    held.state.merge(state);
    this.#put(held);
    if (!held.isFinal) return false;
    this.#published.add(held);
    if (this.#plan.isRolledUp) this.#rollUp(level, key, start, state);
    return true;
  }

  /** Into the next level above that the stream has and that is kept. @returns false when there is none */
  #rollUp(below: Level | undefined, key: string, at: number, state: WindowState): boolean {
    for (const level of [1, 2] as const) {
      const sizeMs = this.#plan.levelMs[level];
      if (sizeMs === undefined || (below !== undefined && level <= below)) continue;
      const start = Math.floor(at / sizeMs) * sizeMs;
      if (start + sizeMs <= this.#horizon[level]) continue;
      this.#merge(level, key, start, state);
      return true;
    }
    return false;
  }

  /** Of records whose window is gone. A stream that is not rolled up keeps in its days only these. */
  #rollUpLate(key: string, state: WindowState): void {
    if (this.#rollUp(this.#plan.isRolledUp ? 0 : 1, key, state.earliest, state)) this.tally.rolledUp += state.records;
    else this.tally.expired += state.records;
  }

  #sessions(batches: readonly RecordColumns[], labelsOf: StepInput['labelsOf']): void {
    const gathered = new Map<string, SessionRuns>();
    const [gapMs] = this.#plan.levelMs;
    this.#each(batches, labelsOf, (key, columns, row, values) => {
      const [eventAt = 0, sequence = 0] = [columns.eventAt[row], columns.sequence[row]];
      const isClockBad = columns.clock[row] === 'bad';
      if (eventAt + gapMs <= this.#horizon[0]) {
        const state = this.#empty();
        state.add(eventAt, sequence, isClockBad, values);
        this.#rollUpLate(key, state);
        return;
      }
      getOrMake(gathered, key, () => new SessionRuns(this.#plan)).add({ eventAt, sequence, isClockBad, values });
    });
    for (const [key, { runs }] of gathered) {
      for (const run of runs) {
        this.#join(key, run);
        this.#between();
      }
    }
  }

  /** The earliest of the sessions that touch is the one that stays. */
  #join(key: string, run: WindowState): void {
    const [gapMs] = this.#plan.levelMs;
    const touching = this.#book
      .sessions(key, run.earliest, run.latest + gapMs)
      .filter(({ end }) => end > this.#horizon[0]);
    this.#windowed(
      run,
      touching.some(({ isFinal }) => isFinal),
    );
    const [first] = touching;
    const start = Math.min(run.earliest, first?.start ?? run.earliest);
    const survivor = first?.start === start ? first : this.#fresh({ level: 0, key, start }, 0);
    survivor.state.merge(run);
    for (const other of touching) {
      if (other === survivor) continue;
      survivor.state.merge(other.state);
      survivor.revision = Math.max(survivor.revision, other.revision);
      this.#retract(other);
    }
    survivor.end = survivor.state.latest + gapMs;
    survivor.isFinal = false;
    this.#put(survivor);
  }

  #retract(window: HeldWindow): void {
    if (window.revision === 0) {
      this.#book.remove(window);
      return;
    }
    window.isRetracted = true;
    window.isFinal = true;
    this.#published.add(window);
    this.#put(window);
  }

  /** In the order of the log: every window of a key but the newest is full. */
  #counts(batches: readonly RecordColumns[], labelsOf: StepInput['labelsOf']): void {
    const { window } = this.#plan.definition;
    const full = window.kind === 'count' ? window.records : 1;
    this.#each(batches, labelsOf, (key, columns, row, values) => {
      const newest = this.#book.newest(key);
      const isFull = newest === undefined || newest.isFinal;
      const held = isFull ? this.#fresh({ level: 0, key, start: (newest?.start ?? -1) + 1 }, 0) : newest;
      held.state.add(columns.eventAt[row] ?? 0, columns.sequence[row] ?? 0, columns.clock[row] === 'bad', values);
      held.end = held.state.latest + 1;
      this.tally.windowed += 1;
      if (columns.clock[row] === 'bad') this.tally.clockBad += 1;
      if (held.state.records >= full) {
        held.isFinal = true;
        this.#published.add(held);
      }
      this.#book.putNewest(held);
    });
  }

  /** Lower levels first, so that an hour is whole when it closes; which then is due in its turn. */
  #close({ keys, watermarkOf }: StepInput): void {
    for (const key of keys ?? [...this.#book.keysWithOpen()]) {
      let due = this.#dueOf(key, watermarkOf);
      while (due.length > 0) {
        for (const held of due) this.#finish(held);
        due = this.#dueOf(key, watermarkOf);
      }
      this.#between();
    }
  }

  /** What is about to be dropped is published before, whoever is behind. */
  #dueOf(key: string, watermarkOf: StepInput['watermarkOf']): HeldWindow[] {
    const { window, allowedLatenessMs } = this.#plan.definition;
    const open = [...this.#book.openOf(key)].filter(({ level }) => window.kind !== 'count' || level > 0);
    if (open.length === 0) return open;
    const watermark = watermarkOf(key);
    return open
      .filter(({ end, level }) => end + allowedLatenessMs <= watermark || end <= this.#horizon[level])
      .toSorted((a, b) => a.level - b.level);
  }

  #finish(held: HeldWindow): void {
    held.isFinal = true;
    this.#published.add(held);
    this.#put(held);
    if (this.#plan.isRolledUp) this.#rollUp(held.level, held.key, held.start, held.state);
  }

  #each(
    batches: readonly RecordColumns[],
    labelsOf: StepInput['labelsOf'],
    use: (key: string, columns: RecordColumns, row: number, values: readonly Scalar[]) => void,
  ): void {
    for (const columns of batches) {
      takeIn(this.#plan, columns, labelsOf(columns.deviceId), {
        take: (key, row, values) => {
          if (key === null) this.tally.unkeyed += 1;
          else use(key, columns, row, values);
        },
        filtered: (records) => {
          this.tally.filtered += records;
        },
      });
      this.#between();
    }
  }

  #windowed(state: WindowState, isLate: boolean): void {
    this.tally.windowed += state.records;
    this.tally.clockBad += state.clockBad;
    if (isLate) this.tally.late += state.records;
  }

  #fresh(id: WindowId, end: number): HeldWindow {
    return { ...id, end, state: this.#empty(), revision: 0, isFinal: false, isRetracted: false };
  }

  #empty(): WindowState {
    return new WindowState(this.#plan);
  }

  #put(window: HeldWindow): void {
    this.#book.put(window);
  }
}
