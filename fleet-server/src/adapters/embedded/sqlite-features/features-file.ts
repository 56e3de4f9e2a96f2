/** Opens `features.db`: pragmas, check, schema; a corrupt file is set aside and never used. */
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

/** The third keeps single values shorter, in the same tables: programs that know the second would misread them. */
const SCHEMA_VERSION = 3;
const SCHEMA = `
  CREATE TABLE views (view_no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE slots (
    slot_no INTEGER PRIMARY KEY, view_no INTEGER NOT NULL, identity TEXT NOT NULL, position INTEGER NOT NULL,
    UNIQUE (view_no, identity)
  );
  CREATE TABLE entities (
    entity_no INTEGER PRIMARY KEY, view_no INTEGER NOT NULL, entity TEXT NOT NULL, state BLOB NOT NULL,
    UNIQUE (view_no, entity)
  );
  CREATE TABLE pushed (
    entity_no INTEGER NOT NULL, slot_no INTEGER NOT NULL, event_at INTEGER NOT NULL, created_at INTEGER NOT NULL,
    value REAL, PRIMARY KEY (entity_no, slot_no, event_at, created_at)
  ) WITHOUT ROWID;
  CREATE TABLE panes (
    entity_no INTEGER NOT NULL, slot_no INTEGER NOT NULL, pane INTEGER NOT NULL, created_at INTEGER NOT NULL,
    state BLOB NOT NULL
  );
  CREATE UNIQUE INDEX panes_by_key ON panes (entity_no, slot_no, pane, created_at);
  CREATE TABLE imports (
    import_no INTEGER PRIMARY KEY, import_id TEXT NOT NULL UNIQUE, view TEXT NOT NULL, state TEXT NOT NULL,
    started_at INTEGER NOT NULL, finished_at INTEGER, rows INTEGER NOT NULL, stored INTEGER NOT NULL,
    unchanged INTEGER NOT NULL, rejected INTEGER NOT NULL, reasons TEXT NOT NULL
  );
  CREATE TABLE rejected_rows (
    import_no INTEGER NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, sample TEXT NOT NULL,
    PRIMARY KEY (import_no, line)
  ) WITHOUT ROWID;
  CREATE TABLE audits (id INTEGER PRIMARY KEY, view TEXT NOT NULL, result TEXT NOT NULL, document TEXT NOT NULL);
`;

/** What the second version added: features out of the windows of streams. Rows lie in the order they were stored. */
const WINDOWS_SCHEMA = `
  ALTER TABLE slots ADD COLUMN fill TEXT;
  CREATE TABLE window_values (
    entity_no INTEGER NOT NULL, slot_no INTEGER NOT NULL, event_at INTEGER NOT NULL, created_at INTEGER NOT NULL, value REAL
  );
  CREATE UNIQUE INDEX window_values_by_key ON window_values (entity_no, slot_no, event_at, created_at);
`;

/** Copied at one go, and what has to be synced meanwhile waits behind them. */
const CHECKPOINT_PAGES = 100;
const WRITER_CACHE_KB = 65_536;
/** Every commit of the writer empties it: it has to hold the inner pages of the index, not the entities. */
const READER_CACHE_KB = 8_192;
const BUSY_MS = 250;

/** Which slot a number means: with these damaged, values would be served under wrong names. Small, and checked at every open. */
const DEFINING_TABLES = ['views', 'slots'] as const;

/** Beside the file, says that a check found damage while it was used: the next start checks it whole, and sets it aside. */
const suspicionOf = (file: string): string => `${file}-suspect`;

export const suspect = (file: string): void => writeFileSync(suspicionOf(file), '');

const isCheckedAtOpen = (file: string, checkedAtOpenBytes: number): boolean =>
  (statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= checkedAtOpenBytes || existsSync(suspicionOf(file));

const open = (file: string, isWhole: boolean): Sqlite => {
  const db = new Database(file, { timeout: BUSY_MS });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma(`cache_size = ${-WRITER_CACHE_KB}`);
    const hasTables = Number(db.pragma('user_version', { simple: true })) > 0;
    if (isWhole) checkIntegrity(db);
    else if (hasTables) for (const table of DEFINING_TABLES) checkTable(db, table);
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version > SCHEMA_VERSION) {
      throw new UnknownVersionError(`the file has schema version ${version}, this program knows ${SCHEMA_VERSION}`);
    }
    if (version < SCHEMA_VERSION) {
      db.transaction(() => {
        if (version === 0) db.exec(SCHEMA);
        if (version < 2) db.exec(WINDOWS_SCHEMA);
        db.pragma(`user_version = ${SCHEMA_VERSION}`);
      }).immediate();
    }
    // What was running when the server ended is over; its rows so far are stored and counted.
    db.prepare("UPDATE imports SET state = 'interrupted' WHERE state = 'running'").run();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

export interface OpenedFeatures {
  readonly db: Sqlite;
  /** Where a corrupt predecessor lies now. */
  readonly quarantined: string | undefined;
  /** Whether the whole file was checked. */
  readonly isChecked: boolean;
}

/** @throws UnknownVersionError, and SQLite's own errors when the file cannot be opened for another reason than corruption */
export const openForWriting = (file: string, checkedAtOpenBytes: number, now: number): OpenedFeatures => {
  const isChecked = isCheckedAtOpen(file, checkedAtOpenBytes);
  try {
    return { db: open(file, isChecked), quarantined: undefined, isChecked };
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const quarantined = setAside(file, now);
    return { db: open(file, true), quarantined, isChecked: true };
  } finally {
    if (isChecked) rmSync(suspicionOf(file), { force: true });
  }
};

/** `cacheKb` of pages held in memory: who goes through the file once needs hardly any. */
export const openForReading = (file: string, cacheKb = READER_CACHE_KB): Sqlite => {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  db.pragma(`cache_size = ${-cacheKb}`);
  // Pages are copied, not mapped: after each commit a mapping is made again and faulted in page by page (docs/decisions/0032).
  return db;
};
