/** Runs by id and in pages, and the rows they could not score. */
import type { Page, QuarantinedRow } from '@shoal/protocol';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type { PublishedRun, RunQuery, StoredRun } from '../../../ports/score-store.ts';
import { readableOf, runOf, selectRuns, type ReadableRow, type RunRow } from './run-rows.ts';
import type { Sqlite } from './scores-file.ts';

const OF_BACKFILL =
  'r.run_id IN (SELECT d.run_id FROM backfill_days d JOIN backfills b ON b.backfill_no = d.backfill_no WHERE b.backfill_id = ?)';
const LAST = Number.MAX_SAFE_INTEGER;

const numberOf = (cursor: string | undefined, absent: number): number =>
  cursor === undefined ? absent : Number(decodeCursor(cursor, ['number'])[0]);

export class RunReads {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  find(runId: string): StoredRun | null {
    return this.#one(selectRuns('r.run_id = ?'), runId);
  }

  /** Newest first. */
  list({ job, state, backfill, limit, cursor }: RunQuery): Page<StoredRun> {
    const conditions: readonly (readonly [string, string | number] | undefined)[] = [
      ['r.run_no < ?', numberOf(cursor, LAST)],
      job === undefined ? undefined : ['r.job = ?', job],
      state === undefined ? undefined : ['r.state = ?', state],
      backfill === undefined ? undefined : [OF_BACKFILL, backfill],
    ];
    const used = conditions.filter((condition) => condition !== undefined);
    const sql = selectRuns(used.map(([condition]) => condition).join(' AND '), 'ORDER BY r.run_no DESC LIMIT ?');
    const rows = this.#db.prepare<unknown[], RunRow>(sql).all(...used.map(([, value]) => value), limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map(runOf),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.run_no]) : null,
    };
  }

  previous(job: string): StoredRun | null {
    const before = `r.job = ? AND r.has_rows = 1 AND r.state = 'published' AND r.backfill IS NULL AND (r.published_at, r.run_no) <
      (SELECT c.published_at, c.run_no FROM published p JOIN runs c ON c.run_no = p.run_no WHERE p.job = r.job)`;
    return this.#one(selectRuns(before, 'ORDER BY r.published_at DESC, r.run_no DESC LIMIT 1'), job);
  }

  lastComplete(job: string): StoredRun | null {
    return this.#one(selectRuns('r.job = ? AND r.summary IS NOT NULL', 'ORDER BY r.run_no DESC LIMIT 1'), job);
  }

  readable(job: string, runId: string): PublishedRun | null {
    const row = this.#db
      .prepare<[string, string], ReadableRow>('SELECT * FROM runs WHERE job = ? AND run_id = ? AND has_rows = 1')
      .get(job, runId);
    return row === undefined ? null : readableOf(row);
  }

  quarantine(runId: string, limit: number, cursor: string | undefined): Page<QuarantinedRow> {
    const rows = this.#db
      .prepare<[string, number, number], QuarantinedRow & { row_no: number }>(
        `SELECT q.row_no, q.entity, q.reason, q.detail FROM quarantine q JOIN runs r ON r.run_no = q.run_no
        WHERE r.run_id = ? AND q.row_no > ? ORDER BY q.row_no LIMIT ?`,
      )
      .all(runId, numberOf(cursor, 0), limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map(({ entity, reason, detail }) => ({ entity, reason, detail })),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.row_no]) : null,
    };
  }

  #one(sql: string, key: string): StoredRun | null {
    const row = this.#db.prepare<[string], RunRow>(sql).get(key);
    return row === undefined ? null : runOf(row);
  }
}
