/** Opens `scores.db`: pragmas, check, schema; a corrupt file is set aside and never used. */
import {
  openStoreBeside,
  openStoreForReading,
  openStoreForWriting,
  type OpenedStore,
  type Sqlite,
  type StoreSchema,
} from '../store-file.ts';

export type { Sqlite };

/** `state` of a partition, as stored. */
export const PARTITION = { ready: 0, leased: 1, done: 2 } as const;

/**
 * A partition holds the entities after `from_key`, up to and with `to_key`; `next_key` is the last committed one. `fence` grows with
 * every lease. `begun` counts chunks that were given to a model, in the transaction that commits the one before. `marks` of a block
 * say which vector each of its rows was scored from, where the job is incremental.
 */
const BACKFILLS = `
  CREATE TABLE backfills (
    backfill_no INTEGER PRIMARY KEY AUTOINCREMENT, backfill_id TEXT NOT NULL UNIQUE, job TEXT NOT NULL, state TEXT NOT NULL,
    definition TEXT NOT NULL, model TEXT NOT NULL, from_day TEXT NOT NULL, to_day TEXT NOT NULL,
    created_at INTEGER NOT NULL, finished_at INTEGER, error TEXT
  );
  CREATE INDEX backfills_of_job ON backfills (job, backfill_no);
  CREATE TABLE backfill_days (
    backfill_no INTEGER NOT NULL, due_at INTEGER NOT NULL, run_id TEXT, PRIMARY KEY (backfill_no, due_at)
  ) WITHOUT ROWID;
  CREATE INDEX runs_queued ON runs (backfill IS NOT NULL, queued_at, run_no) WHERE state = 'queued';
`;

const SQL = `
  CREATE TABLE runs (
    run_no INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, job TEXT NOT NULL, state TEXT NOT NULL,
    definition TEXT NOT NULL, model TEXT NOT NULL, as_of INTEGER NOT NULL, input TEXT NOT NULL, columns TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, queued_at INTEGER NOT NULL, started_at INTEGER,
    finished_at INTEGER, published_at INTEGER, expected INTEGER, spent_ms INTEGER NOT NULL DEFAULT 0,
    rows_per_s REAL NOT NULL DEFAULT 0, has_rows INTEGER NOT NULL DEFAULT 0, summary TEXT, error TEXT, base_no INTEGER,
    backfill TEXT
  );
  CREATE INDEX runs_of_job ON runs (job, run_no);
  CREATE TABLE published (job TEXT PRIMARY KEY, run_no INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE partitions (
    run_no INTEGER NOT NULL, part_no INTEGER NOT NULL, from_key TEXT NOT NULL, to_key TEXT, next_key TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT ${PARTITION.ready}, fence INTEGER NOT NULL DEFAULT 0, lease_until INTEGER,
    failures INTEGER NOT NULL DEFAULT 0, done_rows INTEGER NOT NULL DEFAULT 0, quarantined INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0, begun INTEGER NOT NULL DEFAULT 0, committed INTEGER NOT NULL DEFAULT 0,
    carried INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_no, part_no)
  ) WITHOUT ROWID;
  CREATE TABLE chunks (
    run_no INTEGER NOT NULL, part_no INTEGER NOT NULL, chunk_no INTEGER NOT NULL, fence INTEGER NOT NULL,
    last_key TEXT NOT NULL, done_rows INTEGER NOT NULL, quarantined INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (run_no, part_no, chunk_no)
  ) WITHOUT ROWID;
  CREATE TABLE blocks (
    run_no INTEGER NOT NULL, first TEXT NOT NULL, block_rows INTEGER NOT NULL, data BLOB NOT NULL, marks BLOB
  );
  CREATE UNIQUE INDEX blocks_by_key ON blocks (run_no, first);
  CREATE TABLE inputs (
    run_no INTEGER NOT NULL, entity TEXT NOT NULL, own BLOB, PRIMARY KEY (run_no, entity)
  ) WITHOUT ROWID;
  CREATE TABLE quarantine (
    row_no INTEGER PRIMARY KEY AUTOINCREMENT, run_no INTEGER NOT NULL, entity TEXT NOT NULL, reason TEXT NOT NULL,
    detail TEXT NOT NULL
  );
  CREATE INDEX quarantine_of_run ON quarantine (run_no, row_no);
  CREATE TABLE doomed (run_no INTEGER PRIMARY KEY, with_run INTEGER NOT NULL);
  ${BACKFILLS}
`;

/** Version 1 knew neither carried rows nor backfills. */
const FROM_1 = `
  ALTER TABLE runs ADD COLUMN base_no INTEGER;
  ALTER TABLE partitions ADD COLUMN carried INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE blocks ADD COLUMN marks BLOB;
  ALTER TABLE runs ADD COLUMN backfill TEXT;
  DROP INDEX runs_queued;
  ${BACKFILLS}
  UPDATE runs SET definition = json_set(definition, '$.mode', 'full', '$.keepBackfilledRuns', 31);
`;

const SCHEMA: StoreSchema = {
  version: 2,
  create: (db, version) => void db.exec(version === 0 ? SQL : FROM_1),
  definingTables: ['runs', 'published', 'partitions'],
  writerCacheKb: 4_096,
  readerCacheKb: 8_192,
  checkpointPages: 2_000,
};

/** Two processes write the file: the server, and what goes through a run, which may have to wait long for a processor in the middle. */
const WRITER_PATIENCE_MS = 10_000;
/** A run appends chunks and never reads them again. */
const RUN_CACHE_KB = 1_024;

/**
 * A chunk that a power cut takes back is scored again, so its commit does not wait for the disk; what somebody is told does
 * (`durably`). @throws as `openStoreForWriting`
 */
export const openForWriting = (file: string, now: number): OpenedStore => {
  const opened = openStoreForWriting(file, SCHEMA, now);
  opened.db.pragma('synchronous = NORMAL');
  opened.db.pragma(`busy_timeout = ${WRITER_PATIENCE_MS}`);
  return opened;
};

/** For who goes through a run, in a process of its own: the server has the file open, checked and on its newest schema. */
export const openForRun = (file: string): Sqlite => {
  const db = openStoreBeside(file, SCHEMA, { patienceMs: WRITER_PATIENCE_MS, cacheKb: RUN_CACHE_KB });
  db.pragma('synchronous = NORMAL');
  return db;
};

/** One transaction that is on the disk when it returns, and with it everything that was committed before. */
export const durably = <T>(db: Sqlite, work: () => T): T => {
  db.pragma('synchronous = FULL');
  try {
    return db.transaction(work).immediate();
  } finally {
    db.pragma('synchronous = NORMAL');
  }
};

export const openForReading = (file: string): Sqlite => openStoreForReading(file, SCHEMA);
