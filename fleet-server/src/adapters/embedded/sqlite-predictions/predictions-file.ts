/** Opens `predictions.db`: pragmas, check, schema; a corrupt file is set aside and never used. */
import {
  openStoreForReading,
  openStoreForWriting,
  type OpenedStore,
  type Sqlite,
  type StoreSchema,
} from '../store-file.ts';

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

const SCHEMA: StoreSchema = {
  version: 1,
  create: (db) => void db.exec(SQL),
  definingTables: ['models', 'fences'],
  writerCacheKb: 65_536,
  readerCacheKb: 16_384,
  checkpointPages: 4_000,
};

/** @throws as `openStoreForWriting` */
export const openForWriting = (file: string, now: number): OpenedStore => openStoreForWriting(file, SCHEMA, now);

export const openForReading = (file: string): Sqlite => openStoreForReading(file, SCHEMA);
