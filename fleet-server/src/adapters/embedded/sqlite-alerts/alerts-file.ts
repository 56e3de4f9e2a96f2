/** Opens `alerts.db`: pragmas, check, schema; a corrupt file is set aside and never used. */
import { randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';
import { isCorruption } from '../sqlite-telemetry/corruption.ts';
import { checkIntegrity, setAside, UnknownVersionError, type Sqlite } from '../sqlite-telemetry/telemetry-file.ts';

export type { Sqlite };

/**
 * `facts` has the positions in log and windows whose effects are in the other tables, and the mark that makes ids of alerts
 * unlike those of a file that was set aside. `intents` is what is to be told and has not been handed on.
 */
const SQL = `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE rules (
    rule_no INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, decision TEXT NOT NULL, definition TEXT NOT NULL,
    tally TEXT NOT NULL, is_dropped INTEGER NOT NULL DEFAULT 0
  );
  CREATE UNIQUE INDEX rules_by_name ON rules (name) WHERE is_dropped = 0;
  CREATE TABLE key_states (
    rule_no INTEGER NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (rule_no, key)
  ) WITHOUT ROWID;
  CREATE TABLE alerts (
    alert_no INTEGER PRIMARY KEY AUTOINCREMENT, rule_no INTEGER NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL,
    key TEXT NOT NULL, device_id TEXT, state TEXT NOT NULL, since INTEGER NOT NULL, fired_at INTEGER, resolved_at INTEGER,
    resolution TEXT, value TEXT NOT NULL, acknowledged_by TEXT, acknowledged_at INTEGER, notified_at INTEGER,
    notices INTEGER NOT NULL, clock_bad INTEGER NOT NULL, historical INTEGER NOT NULL, revision INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX alerts_open ON alerts (rule_no, key) WHERE state <> 'resolved';
  CREATE INDEX alerts_by_rule ON alerts (rule, alert_no);
  CREATE INDEX alerts_by_key ON alerts (key, alert_no);
  CREATE TABLE history (
    change INTEGER PRIMARY KEY AUTOINCREMENT, alert_no INTEGER NOT NULL, at INTEGER NOT NULL, what TEXT NOT NULL,
    event_at INTEGER, value TEXT NOT NULL, by TEXT, note TEXT, request TEXT
  );
  CREATE UNIQUE INDEX history_by_request ON history (alert_no, request) WHERE request IS NOT NULL;
  CREATE INDEX history_by_alert ON history (alert_no, change);
  CREATE TABLE intents (
    intent INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, channel TEXT NOT NULL, subject TEXT NOT NULL,
    body TEXT NOT NULL, alert_id TEXT NOT NULL
  );
  CREATE TABLE silences (silence_id TEXT PRIMARY KEY, until INTEGER NOT NULL, silence TEXT NOT NULL) WITHOUT ROWID;
`;

const SCHEMA_VERSION = 1;
const MARK_BYTES = 2;
const CHECKPOINT_PAGES = 1_000;
const BUSY_MS = 250;

const open = (file: string): Sqlite => {
  const db = new Database(file, { timeout: BUSY_MS });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version > SCHEMA_VERSION) {
      throw new UnknownVersionError(`the file has schema version ${version}, this program knows ${SCHEMA_VERSION}`);
    }
    checkIntegrity(db);
    if (version === 0) {
      db.transaction(() => {
        db.exec(SQL);
        db.prepare('INSERT INTO facts VALUES (?, ?)').run('mark', randomBytes(MARK_BYTES).toString('hex'));
        db.pragma(`user_version = ${SCHEMA_VERSION}`);
      }).immediate();
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

export interface OpenedAlerts {
  readonly db: Sqlite;
  /** Where a corrupt predecessor lies now. */
  readonly quarantined: string | undefined;
}

/** @throws UnknownVersionError, and SQLite's own errors when the file cannot be opened for another reason than corruption */
export const openForWriting = (file: string, now: number): OpenedAlerts => {
  try {
    return { db: open(file), quarantined: undefined };
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const quarantined = setAside(file, now);
    return { db: open(file), quarantined };
  }
};

export const openForReading = (file: string): Sqlite =>
  new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
