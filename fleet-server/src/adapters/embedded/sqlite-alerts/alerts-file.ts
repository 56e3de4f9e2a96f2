/** Opens `alerts.db`: pragmas, check, schema; a corrupt file is set aside and never used. */
import { randomBytes } from 'node:crypto';
import {
  openStoreForReading,
  openStoreForWriting,
  type OpenedStore,
  type Sqlite,
  type StoreSchema,
} from '../store-file.ts';

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

const MARK_BYTES = 2;

const SCHEMA: StoreSchema = {
  version: 1,
  create: (db) => {
    db.exec(SQL);
    db.prepare('INSERT INTO facts VALUES (?, ?)').run('mark', randomBytes(MARK_BYTES).toString('hex'));
  },
  checkpointPages: 1_000,
};

/** @throws as `openStoreForWriting` */
export const openForWriting = (file: string, now: number): OpenedStore => openStoreForWriting(file, SCHEMA, now);

export const openForReading = (file: string): Sqlite => openStoreForReading(file, SCHEMA);
