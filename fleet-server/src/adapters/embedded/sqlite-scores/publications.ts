/** Which run of a job is read, and which runs are kept to go back to; what is not kept any more goes a part at a time. */
import type { Statement } from 'better-sqlite3';
import type { PointerMove, RunChange, StoredRun } from '../../../ports/score-store.ts';
import { afterRunEvent } from '../../../ports/scoring-states.ts';
import type { RunsTable } from './runs-table.ts';
import type { Sqlite } from './scores-file.ts';

/** Records of runs without scores that a job keeps, for whoever asks how the nights went. */
const KEPT_RECORDS = 400;
/** Blocks dropped in one transaction. */
const BLOCKS_AT_ONCE = 500;
const TABLES_OF_SCORING = ['partitions', 'chunks', 'inputs'] as const;

interface Doomed {
  readonly run_no: number;
  readonly with_run: number;
}

export class Publications {
  readonly #db: Sqlite;
  readonly #runs: RunsTable;
  readonly #point: Statement<[string, number]>;
  readonly #mark: Statement<[number, number, number]>;
  /** Scores of runs that are not kept any more, and what is left of runs before that came to nothing. */
  readonly #doom: Statement;
  /** Whole runs, of long ago. */
  readonly #doomOld: Statement;
  readonly #forget: Statement<[number]>;

  constructor(db: Sqlite, runs: RunsTable) {
    this.#db = db;
    this.#runs = runs;
    this.#point = db.prepare(
      'INSERT INTO published VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET run_no = excluded.run_no',
    );
    this.#mark = db.prepare(
      `UPDATE runs SET state = 'published', published_at = coalesce(published_at, ?), finished_at = coalesce(finished_at, ?),
        error = NULL WHERE run_no = ?`,
    );
    this.#doom = db.prepare(
      `INSERT OR IGNORE INTO doomed SELECT r.run_no, 0 FROM runs r WHERE r.job = :job AND r.run_no <> :current AND (
        (r.state = 'published' AND r.has_rows = 1 AND r.run_no NOT IN (
          SELECT run_no FROM runs WHERE job = :job AND state = 'published' AND has_rows = 1 AND backfill IS NULL
          ORDER BY published_at DESC, run_no DESC LIMIT :kept)
          AND r.run_no NOT IN (
          SELECT run_no FROM runs WHERE job = :job AND state = 'published' AND has_rows = 1 AND backfill IS NOT NULL
          ORDER BY as_of DESC, run_no DESC LIMIT :keptBackfilled))
        OR (r.state IN ('failed', 'canceled') AND r.run_no < :current
          AND EXISTS (SELECT 1 FROM partitions p WHERE p.run_no = r.run_no)))`,
    );
    this.#doomOld = db.prepare(
      `INSERT OR REPLACE INTO doomed SELECT run_no, 1 FROM runs WHERE job = :job AND run_no <> :current
        AND state IN ('published', 'failed', 'canceled')
        AND run_no NOT IN (SELECT run_no FROM runs WHERE job = :job ORDER BY run_no DESC LIMIT :kept)`,
    );
    this.#forget = db.prepare('UPDATE runs SET has_rows = 0 WHERE run_no = ?');
  }

  publish(runId: string, now: number, pointer: PointerMove): RunChange | null {
    const run = this.#runs.row(runId);
    if (run === undefined) return null;
    if (afterRunEvent(run.state, 'publish') === undefined || !run.hasScores) return { kind: 'refused', run };
    const current = this.#current(run, pointer);
    this.#point.run(run.job, current);
    this.#mark.run(now, now, run.runNo);
    this.#retire(run, current);
    return { kind: 'changed', run: this.#runs.row(runId) ?? run };
  }

  dropJob(job: string): null {
    this.#db.prepare("UPDATE runs SET state = 'canceled' WHERE job = ? AND state <> 'published'").run(job);
    this.#db.prepare('DELETE FROM published WHERE job = ?').run(job);
    this.#db.prepare('INSERT OR REPLACE INTO doomed SELECT run_no, 1 FROM runs WHERE job = ?').run(job);
    this.#db.prepare('UPDATE runs SET has_rows = 0 WHERE job = ?').run(job);
    return null;
  }

  /** @returns whether there is more */
  trim(): boolean {
    const doomed = this.#db.prepare<[], Doomed>('SELECT run_no, with_run FROM doomed LIMIT 1').get();
    if (doomed === undefined) return false;
    if (this.#dropBlocks(doomed.run_no)) return true;
    this.#end(doomed);
    return this.#db.prepare('SELECT 1 FROM doomed LIMIT 1').get() !== undefined;
  }

  /** A doomed run that is to begin anew is dropped whole before. */
  settle(runId: string): void {
    const doomed = this.#db
      .prepare<[string], Doomed>(
        'SELECT d.run_no, d.with_run FROM doomed d JOIN runs r ON r.run_no = d.run_no WHERE r.run_id = ?',
      )
      .get(runId);
    if (doomed === undefined) return;
    while (this.#dropBlocks(doomed.run_no));
    this.#end(doomed);
  }

  /** Number of the run that is read from now on. */
  #current({ job, runNo, asOf }: StoredRun, pointer: PointerMove): number {
    if (pointer === 'move') return runNo;
    const before = this.#db
      .prepare<[string], { run_no: number; as_of: number }>(
        'SELECT r.run_no, r.as_of FROM published p JOIN runs r ON r.run_no = p.run_no WHERE p.job = ?',
      )
      .get(job);
    return before === undefined || before.as_of < asOf ? runNo : before.run_no;
  }

  #retire({ job, definition }: StoredRun, current: number): void {
    this.#doom.run({ job, current, kept: definition.keepRuns, keptBackfilled: definition.keepBackfilledRuns });
    this.#doomOld.run({ job, current, kept: KEPT_RECORDS });
    const doomed = this.#db
      .prepare<[string], number>('SELECT d.run_no FROM doomed d JOIN runs r ON r.run_no = d.run_no WHERE r.job = ?')
      .pluck()
      .all(job) as number[];
    for (const runNo of doomed) this.#forget.run(runNo);
  }

  #dropBlocks(runNo: number): boolean {
    const dropped = this.#db
      .prepare('DELETE FROM blocks WHERE rowid IN (SELECT rowid FROM blocks WHERE run_no = ? LIMIT ?)')
      .run(runNo, BLOCKS_AT_ONCE).changes;
    return dropped === BLOCKS_AT_ONCE;
  }

  /** What was published keeps its record of progress; anything else could be submitted again, and then begins anew. */
  #end({ run_no: runNo, with_run: withRun }: Doomed): void {
    const state = this.#db.prepare<[number], string>('SELECT state FROM runs WHERE run_no = ?').pluck().get(runNo);
    if (withRun === 1 || state !== 'published') {
      for (const table of [...TABLES_OF_SCORING, 'quarantine'])
        this.#db.prepare(`DELETE FROM ${table} WHERE run_no = ?`).run(runNo);
      this.#db.prepare('UPDATE runs SET expected = NULL WHERE run_no = ?').run(runNo);
    } else {
      for (const table of ['chunks', 'inputs']) this.#db.prepare(`DELETE FROM ${table} WHERE run_no = ?`).run(runNo);
    }
    if (withRun === 1) this.#db.prepare('DELETE FROM runs WHERE run_no = ?').run(runNo);
    this.#db.prepare('DELETE FROM doomed WHERE run_no = ?').run(runNo);
  }
}
