/** The statements of the writer that are about streams and their changes, prepared once. */
import type { Statement } from 'better-sqlite3';
import type { Sqlite } from './windows-file.ts';

export interface Statements {
  readonly add: Statement<unknown[]>;
  readonly drop: Statement<[string]>;
  readonly setPosition: Statement<[number, string, number]>;
  readonly setHorizon: Statement<[string, number]>;
  readonly addChange: Statement<[number, number, number, number, number]>;
  readonly lastChange: Statement<[], number>;
  readonly dropWindowsOf: Statement<[number, number, number]>;
  readonly dropPublicationsOf: Statement<[number, number]>;
  readonly dropHeard: Statement<[string]>;
}

export const prepareStatements = (db: Sqlite): Statements => ({
  add: db.prepare(
    `INSERT INTO streams (name, hash, definition, position, backfill_until, horizon, tally) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ),
  drop: db.prepare('UPDATE streams SET is_dropped = 1 WHERE name = ? AND is_dropped = 0'),
  setPosition: db.prepare('UPDATE streams SET position = ?, tally = ? WHERE stream_no = ?'),
  setHorizon: db.prepare('UPDATE streams SET horizon = ? WHERE stream_no = ?'),
  addChange: db.prepare('INSERT INTO changes (stream_no, level, key_no, start, is_backfill) VALUES (?, ?, ?, ?, ?)'),
  lastChange: db.prepare<[], number>('SELECT max(change) FROM changes').pluck() as Statement<[], number>,
  dropWindowsOf: db.prepare(
    `DELETE FROM windows WHERE (stream_no, level, key_no, start) IN
      (SELECT stream_no, level, key_no, start FROM windows WHERE stream_no = ? AND level IN (0, 1, 2) AND key_no = ? LIMIT ?)`,
  ),
  dropPublicationsOf: db.prepare('DELETE FROM publications WHERE stream_no = ? AND key_no = ?'),
  dropHeard: db.prepare('DELETE FROM heard WHERE device_id = ?'),
});
