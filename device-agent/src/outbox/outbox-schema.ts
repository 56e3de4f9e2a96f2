/** The format of the outbox file: how it is laid out for few written pages, how it is opened, and how older files come along. */
import type Database from 'better-sqlite3';
import { AgentError } from '../errors.ts';
import { randomId } from '../runtime.ts';

const SCHEMA_VERSION = 2;

/**
 * Flash is worn by pages, not by bytes: records lie in the order they come, whatever their class, so that a commit
 * appends to the last page; and pages are small, for each carries its neighbours along. The two classes that are rare
 * among the others have an index of their own, which costs nothing while there are none. `templates` holds what
 * bodies of one shape have in common (`body-templates.ts`); template 0 is none. The sequence counter needs no write of
 * its own as long as the row with it is there; `highest_removed` is written when that one goes.
 */
const RECORDS = `
  CREATE TABLE records (
    sequence INTEGER PRIMARY KEY, class INTEGER NOT NULL, kind INTEGER NOT NULL,
    created_at INTEGER NOT NULL, size_bytes INTEGER NOT NULL, template INTEGER NOT NULL, body BLOB NOT NULL
  );
  CREATE INDEX alarm_records ON records (sequence) WHERE class = 0;
  CREATE INDEX debug_records ON records (sequence) WHERE class = 3;
  CREATE TABLE templates (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
`;
const COUNTERS = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE dropped (
    class INTEGER NOT NULL, reason TEXT NOT NULL, records INTEGER NOT NULL, PRIMARY KEY (class, reason)
  ) WITHOUT ROWID;
`;

/** Of a new file; an older one keeps its own. */
const PAGE_BYTES = 512;
/** What the log adds to a page: https://www.sqlite.org/fileformat2.html#walformat */
const FRAME_HEAD_BYTES = 24;
/** Of the log before it is copied into the file: half an hour of commits at ten seconds. */
export const WAL_BYTES = 1_024 * 1_024;

const create = (db: Database.Database): void => {
  db.exec(RECORDS + COUNTERS);
  const insert = db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)');
  insert.run('epoch', randomId());
  insert.run('highest_removed', '0');
};

/** Version 1 lay by class and sequence. */
const upgradeFrom1 = (db: Database.Database): void => {
  db.exec('ALTER TABLE records RENAME TO records_1');
  db.exec(RECORDS);
  db.exec(`
    INSERT INTO records (sequence, class, kind, created_at, size_bytes, template, body)
      SELECT sequence, class, kind, created_at, size_bytes, 0, body FROM records_1 ORDER BY sequence;
    DROP TABLE records_1;
  `);
};

/** Ready for commits that are synced to disk when they return. Throws OUTBOX_FROM_NEWER_AGENT, OUTBOX_CORRUPT, and what SQLite throws. */
export const prepareOutboxFile = (db: Database.Database, file: string): void => {
  // Page size and auto_vacuum count only before the first table is made, locking only before the first read.
  db.pragma('locking_mode = EXCLUSIVE');
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > SCHEMA_VERSION) {
    const message = `${file} has format ${version}; this agent reads ${SCHEMA_VERSION}.`;
    throw new AgentError('OUTBOX_FROM_NEWER_AGENT', message);
  }
  if (version === 0) {
    db.pragma(`page_size = ${PAGE_BYTES}`);
    db.pragma('auto_vacuum = INCREMENTAL');
  }
  db.pragma('journal_mode = WAL');
  // A reopened WAL file would be NORMAL: compiled so.
  db.pragma('synchronous = FULL');
  db.pragma(`journal_size_limit = ${WAL_BYTES}`);
  // A page that is written again before its checkpoint is written to the file once.
  const frameBytes = (db.pragma('page_size', { simple: true }) as number) + FRAME_HEAD_BYTES;
  db.pragma(`wal_autocheckpoint = ${Math.floor(WAL_BYTES / frameBytes)}`);
  db.pragma('cache_size = -2000');
  const verdict = db.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') throw new AgentError('OUTBOX_CORRUPT', `${file} is damaged: ${String(verdict)}`);
  if (version === SCHEMA_VERSION) return;
  db.transaction(() => {
    if (version === 0) create(db);
    else upgradeFrom1(db);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  })();
};
