/** Opens `predictions.db`: pragmas, check, schema; a corrupt file is set aside and never used. */
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

/** `state` of a run, as stored. */
export const RUN = { ready: 0, leased: 1, resting: 2, over: 3 } as const;
/** `state` of a ticket, as stored: open ones are queued or running as their run is. */
export const TICKET = { open: 0, succeeded: 1, failed: 2, canceled: 3, expired: 4 } as const;

/**
 * `due_at` is the end of a lease, or of a rest. `fence` grows with every lease and is 0 in no hands. Every answer that is committed
 * to a ticket appends to `answers`, in the transaction that makes the ticket final; what its webhook is to be told goes to `untold`.
 */
const SQL = `
  CREATE TABLE models (model_no INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, UNIQUE (name, version));
  CREATE TABLE runs (
    run_no INTEGER PRIMARY KEY AUTOINCREMENT, model_no INTEGER NOT NULL, entity TEXT, feature_version TEXT,
    is_shared INTEGER NOT NULL, asked BLOB NOT NULL, priority INTEGER NOT NULL, state INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER, started_at INTEGER, finished_at INTEGER, answer TEXT, error TEXT
  );
  CREATE INDEX runs_ready ON runs (model_no, priority, run_no) WHERE state = ${RUN.ready};
  CREATE INDEX runs_leased ON runs (due_at) WHERE state = ${RUN.leased};
  CREATE INDEX runs_resting ON runs (due_at) WHERE state = ${RUN.resting};
  CREATE UNIQUE INDEX runs_in_flight ON runs (model_no, entity, feature_version) WHERE is_shared = 1 AND finished_at IS NULL;
  CREATE INDEX runs_answered ON runs (entity, model_no, finished_at) WHERE is_shared = 1 AND answer IS NOT NULL;
  CREATE TABLE tickets (
    ticket_no INTEGER PRIMARY KEY AUTOINCREMENT, ticket_id TEXT NOT NULL UNIQUE, run_no INTEGER NOT NULL,
    model_no INTEGER NOT NULL, entity TEXT, priority INTEGER NOT NULL, state INTEGER NOT NULL, created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, finished_at INTEGER, earlier_attempts INTEGER NOT NULL DEFAULT 0, webhook TEXT
  );
  CREATE INDEX tickets_of_run ON tickets (run_no);
  CREATE INDEX tickets_by_subject ON tickets (entity, ticket_no) WHERE entity IS NOT NULL;
  CREATE INDEX tickets_answered ON tickets (entity, finished_at) WHERE state = ${TICKET.succeeded} AND entity IS NOT NULL;
  CREATE INDEX tickets_open ON tickets (ticket_no) WHERE state = ${TICKET.open};
  CREATE INDEX tickets_failed ON tickets (ticket_no) WHERE state = ${TICKET.failed};
  CREATE INDEX tickets_canceled ON tickets (ticket_no) WHERE state = ${TICKET.canceled};
  CREATE INDEX tickets_expired ON tickets (ticket_no) WHERE state = ${TICKET.expired};
  CREATE INDEX tickets_to_expire ON tickets (expires_at) WHERE state = ${TICKET.open};
  CREATE INDEX tickets_to_trim ON tickets (finished_at) WHERE finished_at IS NOT NULL;
  CREATE TABLE keys (key TEXT PRIMARY KEY, digest TEXT NOT NULL, ticket_no INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX keys_of_ticket ON keys (ticket_no);
  CREATE TABLE answers (
    answer_no INTEGER PRIMARY KEY AUTOINCREMENT, ticket_no INTEGER NOT NULL, run_no INTEGER NOT NULL,
    attempt INTEGER NOT NULL, fence INTEGER NOT NULL, at INTEGER NOT NULL
  );
  CREATE INDEX answers_of_ticket ON answers (ticket_no);
  CREATE TABLE untold (
    intent_no INTEGER PRIMARY KEY AUTOINCREMENT, intent_id TEXT UNIQUE, webhook TEXT NOT NULL, ticket TEXT NOT NULL
  );
  CREATE TABLE fences (last INTEGER NOT NULL);
  INSERT INTO fences VALUES (0);
`;

const SCHEMA_VERSION = 1;
const CHECKPOINT_PAGES = 4_000;
const WRITER_CACHE_KB = 65_536;
const READER_CACHE_KB = 16_384;
const BUSY_MS = 250;
/** Larger files are not read whole at the start: only what says what a number means is checked. */
const CHECKED_AT_OPEN_BYTES = 134_217_728;
const DEFINING_TABLES = ['models', 'fences'] as const;

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

export interface OpenedPredictions {
  readonly db: Sqlite;
  /** Where a corrupt predecessor lies now. */
  readonly quarantined: string | undefined;
}

/** @throws UnknownVersionError, and SQLite's own errors when the file cannot be opened for another reason than corruption */
export const openForWriting = (file: string, now: number): OpenedPredictions => {
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
