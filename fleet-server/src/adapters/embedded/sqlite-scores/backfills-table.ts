/** Backfills as the writer knows them: submitted, a day at a time, and ended. */
import type { Statement } from 'better-sqlite3';
import type { ScoringJob } from '@shoal/protocol';
import type {
  BackfillChange,
  BackfillDay,
  BackfillEnd,
  NewBackfill,
  StoredBackfill,
} from '../../../ports/backfills.ts';
import type { NewRun } from '../../../ports/score-store.ts';
import { backfillOf, selectBackfills, type BackfillRow } from './backfill-rows.ts';
import type { RunsTable } from './runs-table.ts';
import type { Sqlite } from './scores-file.ts';

/** Ended ones of a job that are kept to be looked at. */
const KEPT = 100;

export class BackfillsTable {
  readonly #db: Sqlite;
  readonly #runs: RunsTable;
  readonly #find: Statement<[string], BackfillRow>;
  readonly #running: Statement<[], BackfillRow>;
  readonly #day: Statement<[string, string, number]>;
  readonly #state: Statement;

  constructor(db: Sqlite, runs: RunsTable) {
    this.#db = db;
    this.#runs = runs;
    this.#find = db.prepare(selectBackfills('b.backfill_id = ?'));
    this.#running = db.prepare(selectBackfills("b.state = 'running'", 'ORDER BY b.backfill_no'));
    this.#day = db.prepare(
      `UPDATE backfill_days SET run_id = ? WHERE backfill_no = (SELECT backfill_no FROM backfills WHERE backfill_id = ?)
        AND due_at = ?`,
    );
    this.#state = db.prepare(
      'UPDATE backfills SET state = :state, finished_at = :finishedAt, error = :error WHERE backfill_id = :backfillId',
    );
  }

  submit(backfill: NewBackfill): StoredBackfill {
    const { backfillId } = backfill;
    const before = this.#find.get(backfillId);
    if (before === undefined) this.#add(backfill);
    else if (before.state === 'canceled' || before.state === 'failed') this.#resume(before);
    return backfillOf(this.#find.get(backfillId) as BackfillRow);
  }

  next(now: number): BackfillDay | null {
    for (const row of this.#running.all()) {
      if (row.open_run !== null) continue;
      const dueAt = this.#db
        .prepare<[number], number | null>(
          'SELECT min(due_at) FROM backfill_days WHERE backfill_no = ? AND run_id IS NULL',
        )
        .pluck()
        .get(row.backfill_no);
      if (typeof dueAt === 'number')
        return { backfillId: row.backfill_id, definition: JSON.parse(row.definition) as ScoringJob, dueAt };
      this.#state.run({ state: 'complete', finishedAt: now, error: null, backfillId: row.backfill_id });
    }
    return null;
  }

  /** The run of a day was submitted; that of a backfill which has ended meanwhile is not to be done. */
  submitted({ runId, backfill, createdAt }: NewRun): void {
    if (backfill === null) return;
    this.#day.run(runId, backfill.id, backfill.dueAt);
    if (this.#find.get(backfill.id)?.state !== 'running') this.#cancelRun(runId, backfill.id, createdAt);
  }

  end({ backfillId, state, error, now }: BackfillEnd): BackfillChange | null {
    const row = this.#find.get(backfillId);
    if (row === undefined) return null;
    if (row.state !== 'running') return { kind: 'refused', backfill: backfillOf(row) };
    if (row.open_run !== null) this.#cancelRun(row.open_run, backfillId, now);
    const text = error === null ? null : JSON.stringify(error);
    this.#state.run({ state, finishedAt: now, error: text, backfillId });
    return { kind: 'changed', backfill: backfillOf(this.#find.get(backfillId) as BackfillRow) };
  }

  dropJob(job: string): void {
    this.#db
      .prepare('DELETE FROM backfill_days WHERE backfill_no IN (SELECT backfill_no FROM backfills WHERE job = ?)')
      .run(job);
    this.#db.prepare('DELETE FROM backfills WHERE job = ?').run(job);
  }

  /** One that was submitted as well by somebody else goes on. */
  #cancelRun(runId: string, backfillId: string, now: number): void {
    if (this.#runs.row(runId)?.backfill === backfillId) this.#runs.note({ runId, event: 'cancel', now });
  }

  #add({ backfillId, model, from, to, instants, definition, createdAt }: NewBackfill): void {
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO backfills (backfill_id, job, state, definition, model, from_day, to_day, created_at)
        VALUES (?, ?, 'running', ?, ?, ?, ?, ?)`,
      )
      .run(backfillId, definition.name, JSON.stringify(definition), JSON.stringify(model), from, to, createdAt);
    const add = this.#db.prepare('INSERT INTO backfill_days (backfill_no, due_at) VALUES (?, ?)');
    for (const dueAt of instants) add.run(lastInsertRowid, dueAt);
    this.#trim(definition.name);
  }

  #resume({ backfill_no: backfillNo, backfill_id: backfillId }: BackfillRow): void {
    this.#state.run({ state: 'running', finishedAt: null, error: null, backfillId });
    this.#db
      .prepare(
        `UPDATE backfill_days SET run_id = NULL WHERE backfill_no = ?
        AND run_id IN (SELECT run_id FROM runs WHERE state IN ('failed', 'canceled'))`,
      )
      .run(backfillNo);
  }

  #trim(job: string): void {
    const old = this.#db
      .prepare<[string, number], number>(
        "SELECT backfill_no FROM backfills WHERE job = ? AND state <> 'running' ORDER BY backfill_no DESC LIMIT -1 OFFSET ?",
      )
      .pluck()
      .all(job, KEPT) as number[];
    for (const backfillNo of old) {
      this.#db.prepare('DELETE FROM backfill_days WHERE backfill_no = ?').run(backfillNo);
      this.#db.prepare('DELETE FROM backfills WHERE backfill_no = ?').run(backfillNo);
    }
  }
}
