/** Opens `windows.db`: pragmas, check, schema; a corrupt file is set aside and never used. */
import {
  openStoreForReading,
  openStoreForWriting,
  type OpenedStore,
  type Sqlite,
  type StoreSchema,
} from '../store-file.ts';

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

/**
 * What the second version added. `kept` has the streams of which every revision is kept as it was published, and since which
 * change; `publications` has these, null where a window was taken back.
 */
const PUBLICATIONS_SQL = `
  CREATE TABLE kept (name TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE publications (
    change INTEGER PRIMARY KEY, stream_no INTEGER NOT NULL, key_no INTEGER NOT NULL, start INTEGER NOT NULL,
    end_at INTEGER NOT NULL, published_at INTEGER NOT NULL, result TEXT
  );
`;

const SCHEMA: StoreSchema = {
  version: 2,
  create: (db, version) => {
    if (version === 0) db.exec(SQL);
    db.exec(PUBLICATIONS_SQL);
  },
  definingTables: ['streams', 'keys', 'heard'],
  writerCacheKb: 65_536,
  readerCacheKb: 16_384,
  checkpointPages: 500,
};

/** @throws as `openStoreForWriting` */
export const openForWriting = (file: string, now: number): OpenedStore => openStoreForWriting(file, SCHEMA, now);

export const openForReading = (file: string): Sqlite => openStoreForReading(file, SCHEMA);
