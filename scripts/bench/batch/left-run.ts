/** What the file of scores says of a run, read beside the server or after its death. */
import { join } from 'node:path';
import Database from 'better-sqlite3';

export interface LeftRun {
  readonly state: string;
  readonly done: number;
  /** Chunks that were given to the model, and that were committed. */
  readonly begun: number;
  readonly committed: number;
  /** Partitions with a chunk under way. */
  readonly leased: number;
  /** Blocks of scores that begin where another ends or before: their entities would have two scores. */
  readonly twice: number;
  readonly damage: string | null;
}

interface Sums {
  readonly done: number;
  readonly begun: number;
  readonly committed: number;
  readonly leased: number;
}

const LEASED = 1;

/** `isChecked`: SQLite looks the whole file over. */
export const leftRun = (dataDir: string, runId: string, isChecked = false): LeftRun => {
  const db = new Database(join(dataDir, 'scores.db'), { readonly: true, timeout: 5_000 });
  try {
    const { run_no: runNo, state } = db
      .prepare<[string], { run_no: number; state: string }>('SELECT run_no, state FROM runs WHERE run_id = ?')
      .get(runId) ?? { run_no: 0, state: 'unknown' };
    const sums = db
      .prepare<[number, number], Sums>(
        `SELECT total(done_rows) AS done, total(begun) AS begun, total(committed) AS committed, total(state = ?) AS leased
        FROM partitions WHERE run_no = ?`,
      )
      .get(LEASED, runNo) ?? { done: 0, begun: 0, committed: 0, leased: 0 };
    const rows = db
      .prepare<[number], number>('SELECT total(block_rows) FROM blocks WHERE run_no = ?')
      .pluck()
      .get(runNo) as number;
    const verdict = isChecked ? (db.pragma('quick_check', { simple: true }) as string) : 'ok';
    return { state, ...sums, twice: Math.abs(rows - sums.done), damage: verdict === 'ok' ? null : verdict };
  } finally {
    db.close();
  }
};
