/** Opens `windows.db`: pragmas, check, schema; a corrupt file is set aside and never used. */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { isCorruption } from '../sqlite-telemetry/corruption.ts';
import {
  checkIntegrity,
  checkTable,
  setAside,
  UnknownVersionError,
  type Sqlite,
} from '../sqlite-telemetry/telemetry-file.ts';

export type { Sqlite };

/**
 * `position` is the last commit of the telemetry log whose effects are in the other tables; `horizon` has, by level, the end
 * of the last window that may be gone. `heard` is how far each device has come. `changes` is what was published, in order.
 */
const SQL = `
  CREATE TABLE streams (
    stream_no INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, hash TEXT NOT NULL, definition TEXT NOT NULL,
    position INTEGER NOT NULL, backfill_until INTEGER NOT NULL, horizon TEXT NOT NULL, tally TEXT NOT NULL,
    is_dropped INTEGER NOT NULL DEFAULT 0
  );
  CREATE UNIQUE INDEX streams_by_name ON streams (name) WHERE is_dropped = 0;
  CREATE TABLE keys (key_no INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
  CREATE TABLE windows (
    stream_no INTEGER NOT NULL, level INTEGER NOT NULL, key_no INTEGER NOT NULL, start INTEGER NOT NULL, end_at INTEGER NOT NULL,
    revision INTEGER NOT NULL, is_final INTEGER NOT NULL, is_retracted INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    state BLOB NOT NULL, PRIMARY KEY (stream_no, level, key_no, start)
  ) WITHOUT ROWID;
  CREATE INDEX windows_open ON windows (stream_no) WHERE is_final = 0;
  CREATE TABLE heard (
    kind TEXT NOT NULL, device_id TEXT NOT NULL, at INTEGER NOT NULL, heard_at INTEGER NOT NULL,
    PRIMARY KEY (kind, device_id)
  ) WITHOUT ROWID;
  CREATE TABLE changes (
    change INTEGER PRIMARY KEY AUTOINCREMENT, stream_no INTEGER NOT NULL, level INTEGER NOT NULL, key_no INTEGER NOT NULL,
    start INTEGER NOT NULL, is_backfill INTEGER NOT NULL
  );
`;

const SCHEMA_VERSION = 1;
const CHECKPOINT_PAGES = 4_000;
const WRITER_CACHE_KB = 65_536;
const READER_CACHE_KB = 16_384;
const BUSY_MS = 250;
/** Larger files are not read whole at the start: only what says what a number means is checked. */
const CHECKED_AT_OPEN_BYTES = 134_217_728;
const DEFINING_TABLES = ['streams', 'keys', 'heard'] as const;

const open = (file: string): Sqlite => {
  const isSmall = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= CHECKED_AT_OPEN_BYTES;
  const db = new Database(file, { timeout: BUSY_MS });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma(`cache_size = ${-WRITER_CACHE_KB}`);
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version > SCHEMA_VERSION) {
      throw new UnknownVersionError(`the file has schema version ${version}, this program knows ${SCHEMA_VERSION}`);
    }
    if (isSmall) checkIntegrity(db);
    else for (const table of DEFINING_TABLES) checkTable(db, table);
    if (version === 0) {
      db.transaction(() => {
        db.exec(SQL);
        db.pragma(`user_version = ${SCHEMA_VERSION}`);
      }).immediate();
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

export interface OpenedWindows {
  readonly db: Sqlite;
  /** Where a corrupt predecessor lies now. */
  readonly quarantined: string | undefined;
}

/** @throws UnknownVersionError, and SQLite's own errors when the file cannot be opened for another reason than corruption */
export const openForWriting = (file: string, now: number): OpenedWindows => {
  try {
    return { db: open(file), quarantined: undefined };
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const quarantined = setAside(file, now);
    return { db: open(file), quarantined };
  }
};

export const openForReading = (file: string): Sqlite => {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  db.pragma(`cache_size = ${-READER_CACHE_KB}`);
  return db;
};
