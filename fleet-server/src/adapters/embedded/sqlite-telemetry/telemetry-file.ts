/** Opens the telemetry file: pragmas, check, schema and its versions; a corrupt file is set aside and never used. */
import { existsSync, renameSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { isCorruption } from './corruption.ts';

export type Sqlite = Database.Database;

/** Raised with every change of the tables; `MIGRATIONS[n]` leads from version n to n + 1. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE devices (device_no INTEGER PRIMARY KEY, device_id TEXT NOT NULL UNIQUE);
  CREATE TABLE epochs (
    epoch_no INTEGER PRIMARY KEY, device_no INTEGER NOT NULL, epoch TEXT NOT NULL, UNIQUE (device_no, epoch)
  );
  CREATE TABLE received (
    epoch_no INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (epoch_no, first)
  ) WITHOUT ROWID;
  CREATE TABLE commits (batch_id INTEGER PRIMARY KEY, committed_at INTEGER NOT NULL, extents TEXT NOT NULL);
  CREATE TABLE totals (
    one INTEGER PRIMARY KEY CHECK (one = 1), last_batch_id INTEGER NOT NULL, records INTEGER NOT NULL,
    duplicates INTEGER NOT NULL, dead_letters INTEGER NOT NULL
  );
  INSERT INTO totals VALUES (1, 0, 0, 0, 0);
  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT, device_id TEXT NOT NULL, topic TEXT NOT NULL, received_at INTEGER NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, size_bytes INTEGER NOT NULL, sample BLOB NOT NULL
  );
  CREATE INDEX dead_letters_by_device ON dead_letters (device_id, id);
  CREATE TABLE probe (id INTEGER PRIMARY KEY, filler BLOB NOT NULL);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Pages of 4 kB in the log before they are copied into the file, beside the writer. So few that the disk, which has to take them all
 * before the next commit is safe, is done in a few milliseconds.
 */
export const CHECKPOINT_PAGES = 500;
/** The writer does so itself when nobody did. */
const OWN_CHECKPOINT_PAGES = 32_000;
const WRITER_CACHE_KB = 65_536;
const READER_CACHE_KB = 16_384;
/** Nobody else writes; a reader never blocks a writer in WAL mode. */
const BUSY_MS = 250;

/** A file that is newer than this program; it is left alone. */
export class UnknownVersionError extends Error {
  override readonly name = 'UnknownVersionError';
}

/** Of the tables that decide what was received: they are checked at every open, however large the file is. */
const LEDGER_TABLES = ['devices', 'epochs', 'received', 'totals'] as const;

/** A WAL file is `synchronous=NORMAL` when it is opened again, so FULL is set on every open. */
const openChecked = (file: string, { maxPages, checkedAtOpenBytes }: OpenOptions): Sqlite => {
  const isSmall = sizeOf(file) <= checkedAtOpenBytes;
  const db = new Database(file, { timeout: BUSY_MS });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma(`wal_autocheckpoint = ${OWN_CHECKPOINT_PAGES}`);
    db.pragma(`cache_size = ${-WRITER_CACHE_KB}`);
    if (isSmall) checkIntegrity(db);
    else for (const table of LEDGER_TABLES) checkTable(db, table);
    migrate(db);
    db.pragma(`max_page_count = ${maxPages}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/** Of the whole file; takes as long as it takes to read it. @throws an error that `isCorruption` recognises */
export const checkIntegrity = (db: Sqlite): void => judge(db.pragma('quick_check(1)', { simple: true }));

/** Of one table with its indexes. @throws an error that `isCorruption` recognises */
export const checkTable = (db: Sqlite, table: string): void =>
  judge(db.pragma(`quick_check('${table}')`, { simple: true }));

/** Small ones first: the order in which they were made. */
export const listTables = (db: Sqlite): string[] =>
  db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

const judge = (verdict: unknown): void => {
  if (verdict === 'ok') return;
  throw Object.assign(new Error(`quick_check says: ${String(verdict)}`), { code: 'SQLITE_CORRUPT' });
};

const migrate = (db: Sqlite): void => {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > SCHEMA_VERSION) {
    throw new UnknownVersionError(`the file has schema version ${version}, this program knows ${SCHEMA_VERSION}`);
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      db.exec(migration);
      db.pragma(`user_version = ${index + 1}`);
    }).immediate();
  }
};

export interface OpenOptions {
  readonly maxPages: number;
  /** A larger file is checked whole only after the open; see docs/decisions. */
  readonly checkedAtOpenBytes: number;
}

export interface OpenedFile {
  readonly db: Sqlite;
  /** Where a corrupt predecessor lies now. */
  readonly quarantined: string | undefined;
  /** Whether the whole file was checked. */
  readonly isChecked: boolean;
}

/**
 * @throws UnknownVersionError, and SQLite's own errors when the file cannot be opened for another reason than corruption
 */
export const openForWriting = (file: string, options: OpenOptions, now: number): OpenedFile => {
  const isChecked = sizeOf(file) <= options.checkedAtOpenBytes;
  try {
    return { db: openChecked(file, options), quarantined: undefined, isChecked };
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const quarantined = setAside(file, now);
    return { db: openChecked(file, options), quarantined, isChecked: true };
  }
};

/** Renames the file with its log and index of the log. @returns the new name */
export const setAside = (file: string, now: number): string => {
  const name = `${file}.corrupt-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, name + suffix);
  }
  return name;
};

/** For another thread than the writer's, which copies the log into the file and does nothing else. */
export const openForCheckpoint = (file: string): Sqlite => {
  const db = new Database(file, { fileMustExist: true, timeout: BUSY_MS });
  db.pragma('cache_size = 0');
  return db;
};

export const openForReading = (file: string): Sqlite => {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  db.pragma(`cache_size = ${-READER_CACHE_KB}`);
  return db;
};
