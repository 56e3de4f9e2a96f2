/** How fast a run goes lately, and how long it was worked on, written with each chunk. */
import type { Statement } from 'better-sqlite3';
import type { Sqlite } from './scores-file.ts';

/** What lies so far back counts for a third. */
const MEMORY_MS = 2_000;
const MS_PER_SECOND = 1_000;

interface Pace {
  at: number;
  rowsPerS: number;
}

export class RunPace {
  readonly #paces = new Map<number, Pace>();
  readonly #write: Statement<[number, number, number]>;

  constructor(db: Sqlite) {
    this.#write = db.prepare('UPDATE runs SET rows_per_s = ?, spent_ms = spent_ms + ? WHERE run_no = ?');
  }

  /** With each lease: what lies before it was a pause. Only one run goes on at a time. */
  begin(runNo: number, now: number): void {
    const rowsPerS = this.#paces.get(runNo)?.rowsPerS ?? 0;
    this.#paces.clear();
    this.#paces.set(runNo, { at: now, rowsPerS });
  }

  note(runNo: number, rows: number, now: number): void {
    const pace = this.#paces.get(runNo);
    if (pace === undefined) return;
    const elapsedMs = Math.max(1, now - pace.at);
    const measured = (rows * MS_PER_SECOND) / elapsedMs;
    const weight = pace.rowsPerS === 0 ? 0 : Math.exp(-elapsedMs / MEMORY_MS);
    pace.rowsPerS = pace.rowsPerS * weight + measured * (1 - weight);
    pace.at = now;
    this.#write.run(pace.rowsPerS, elapsedMs, runNo);
  }
}
