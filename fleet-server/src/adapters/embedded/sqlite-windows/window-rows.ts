/** Rows of windows, both ways. */
import {
  WindowState,
  type HeldWindow,
  type Level,
  type StreamPlan,
  type WindowId,
  type WindowSource,
} from '@shoal/models/streams';
import type { Statement } from 'better-sqlite3';
import type { KeyNumbers } from './key-numbers.ts';
import type { Sqlite } from './windows-file.ts';

export interface WindowRow {
  readonly level: Level;
  readonly key: string;
  readonly start: number;
  readonly end_at: number;
  readonly revision: number;
  readonly is_final: number;
  readonly is_retracted: number;
  readonly updated_at: number;
  readonly state: Buffer;
}

export const ROW_COLUMNS =
  'w.level, k.key, w.start, w.end_at, w.revision, w.is_final, w.is_retracted, w.updated_at, w.state';

export const asHeld = (row: WindowRow, plan: StreamPlan): HeldWindow => ({
  level: row.level,
  key: row.key,
  start: row.start,
  end: row.end_at,
  revision: row.revision,
  isFinal: row.is_final === 1,
  isRetracted: row.is_retracted === 1,
  state: WindowState.decode(row.state, plan),
});

/** Reads and writes the windows of any stream; `of` makes it the source of one. */
export class WindowRows {
  readonly #keys: KeyNumbers;
  readonly #find: Statement<[number, number, number, number], Omit<WindowRow, 'key'>>;
  readonly #sessions: Statement<[number, number, number, number], Omit<WindowRow, 'key'>>;
  readonly #newest: Statement<[number, number], Omit<WindowRow, 'key'>>;
  readonly #open: Statement<[number], WindowRow>;
  readonly #put: Statement<unknown[]>;
  readonly #remove: Statement<[number, number, number, number]>;

  constructor(db: Sqlite, keys: KeyNumbers) {
    this.#keys = keys;
    const columns = ROW_COLUMNS.replace(' k.key,', '');
    this.#find = db.prepare(
      `SELECT ${columns} FROM windows w WHERE stream_no = ? AND level = ? AND key_no = ? AND start = ?`,
    );
    this.#sessions = db.prepare(
      `SELECT ${columns} FROM windows w
        WHERE stream_no = ? AND level = 0 AND key_no = ? AND start < ? AND end_at > ? AND is_retracted = 0 ORDER BY start`,
    );
    this.#newest = db.prepare(
      `SELECT ${columns} FROM windows w WHERE stream_no = ? AND level = 0 AND key_no = ? ORDER BY start DESC LIMIT 1`,
    );
    this.#open = db.prepare(
      `SELECT ${ROW_COLUMNS} FROM windows w JOIN keys k USING (key_no) WHERE w.stream_no = ? AND w.is_final = 0`,
    );
    this.#put = db.prepare(
      `INSERT INTO windows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET end_at = excluded.end_at,
        revision = excluded.revision, is_final = excluded.is_final, is_retracted = excluded.is_retracted,
        updated_at = excluded.updated_at, state = excluded.state`,
    );
    this.#remove = db.prepare('DELETE FROM windows WHERE stream_no = ? AND level = ? AND key_no = ? AND start = ?');
  }

  of(streamNo: number, plan: StreamPlan): WindowSource {
    return {
      find: ({ level, key, start }) => {
        const keyNo = this.#keys.find(key);
        const row = keyNo === undefined ? undefined : this.#find.get(streamNo, level, keyNo, start);
        return row === undefined ? undefined : asHeld({ ...row, key }, plan);
      },
      sessions: (key, from, to) => {
        const keyNo = this.#keys.find(key);
        if (keyNo === undefined) return [];
        return this.#sessions.all(streamNo, keyNo, to, from).map((row) => asHeld({ ...row, key }, plan));
      },
      newest: (key) => {
        const keyNo = this.#keys.find(key);
        const row = keyNo === undefined ? undefined : this.#newest.get(streamNo, keyNo);
        return row === undefined ? undefined : asHeld({ ...row, key }, plan);
      },
    };
  }

  open(streamNo: number, plan: StreamPlan): HeldWindow[] {
    return this.#open.all(streamNo).map((row) => asHeld(row, plan));
  }

  put(streamNo: number, window: HeldWindow, now: number): void {
    const { level, key, start, end, revision, isFinal, isRetracted, state } = window;
    const flags = [isFinal, isRetracted].map(Number);
    this.#put.run(streamNo, level, this.#keys.of(key), start, end, revision, ...flags, now, state.encode());
  }

  remove(streamNo: number, { level, key, start }: WindowId): void {
    this.#remove.run(streamNo, level, this.#keys.of(key), start);
  }
}
