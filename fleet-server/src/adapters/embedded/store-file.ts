/** Opens the file of a store that has one schema: pragmas, check, schema; a corrupt file is set aside and never used. */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { isCorruption } from './sqlite-telemetry/corruption.ts';
import {
  checkIntegrity,
  checkTable,
  setAside,
  UnknownVersionError,
  type Sqlite,
} from './sqlite-telemetry/telemetry-file.ts';

export type { Sqlite };

export interface StoreSchema {
  readonly version: number;
  /** Fills an empty file, or brings one of the version up; runs in the transaction that notes the version. */
  readonly create: (db: Sqlite, version: number) => void;
  /** What says what a number means: of large files only these tables are read at the start. Absent: every file is checked whole. */
  readonly definingTables?: readonly string[];
  /** kB of pages held in memory; absent: as SQLite has it. */
  readonly writerCacheKb?: number;
  readonly readerCacheKb?: number;
  readonly checkpointPages: number;
}

export interface OpenedStore {
  readonly db: Sqlite;
  /** Where a corrupt predecessor lies now. */
  readonly quarantined: string | undefined;
}

const BUSY_MS = 250;
/** Larger files are not read whole at the start. */
const CHECKED_AT_OPEN_BYTES = 134_217_728;

const check = (db: Sqlite, file: string, tables: readonly string[] | undefined): void => {
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (tables === undefined || bytes <= CHECKED_AT_OPEN_BYTES) checkIntegrity(db);
  else for (const table of tables) checkTable(db, table);
};

const setCache = (db: Sqlite, kb: number | undefined): void => {
  if (kb !== undefined) db.pragma(`cache_size = ${-kb}`);
};

const open = (file: string, schema: StoreSchema): Sqlite => {
  const { version: known, create, definingTables, writerCacheKb, checkpointPages } = schema;
  const db = new Database(file, { timeout: BUSY_MS });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma(`wal_autocheckpoint = ${checkpointPages}`);
    setCache(db, writerCacheKb);
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version > known) {
      throw new UnknownVersionError(`the file has schema version ${version}, this program knows ${known}`);
    }
    check(db, file, definingTables);
    if (version < known) {
      db.transaction(() => {
        create(db, version);
        db.pragma(`user_version = ${known}`);
      }).immediate();
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/** @throws UnknownVersionError, and SQLite's own errors when the file cannot be opened for another reason than corruption */
export const openStoreForWriting = (file: string, schema: StoreSchema, now: number): OpenedStore => {
  try {
    return { db: open(file, schema), quarantined: undefined };
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const quarantined = setAside(file, now);
    return { db: open(file, schema), quarantined };
  }
};

export interface BesideOptions {
  /** How long it waits for who writes. */
  readonly patienceMs: number;
  readonly cacheKb: number;
}

/** For another process that writes, while the store has the file open. */
export const openStoreBeside = (file: string, schema: StoreSchema, options: BesideOptions): Sqlite => {
  const db = new Database(file, { fileMustExist: true, timeout: options.patienceMs });
  db.pragma(`wal_autocheckpoint = ${schema.checkpointPages}`);
  setCache(db, options.cacheKb);
  return db;
};

export const openStoreForReading = (file: string, { readerCacheKb }: StoreSchema): Sqlite => {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  setCache(db, readerCacheKb);
  return db;
};
