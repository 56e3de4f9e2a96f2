/** The statements of the book of alerts, prepared once. */
import type { Statement } from 'better-sqlite3';
import type { AlertRow } from './alert-rows.ts';
import type { Sqlite } from './alerts-file.ts';

export interface NewAlert {
  readonly ruleNo: number;
  readonly rule: string;
  readonly severity: string;
  readonly key: string;
  readonly deviceId: string | null;
  readonly since: number;
  readonly value: string;
  readonly clockBad: number;
  readonly historical: number;
  readonly now: number;
}

export interface BookStatements {
  readonly open: Statement<[number, string], AlertRow>;
  readonly byNumber: Statement<[number], AlertRow>;
  readonly firing: Statement<[number], { alert_no: number }>;
  readonly firingCount: Statement<[], number>;
  readonly begin: Statement<[NewAlert]>;
  readonly fire: Statement<[number, number, string, number, number]>;
  readonly resolve: Statement<[number, string | null, string, number, number]>;
  readonly acknowledge: Statement<[string, number, number, number]>;
  readonly touch: Statement<[number, number]>;
  readonly notified: Statement<[number | null, number, number]>;
  readonly note: Statement<
    [number, number, string, number | null, string, string | null, string | null, string | null]
  >;
  readonly requested: Statement<[number, string], number>;
  readonly intend: Statement<[string, string, string, string, string]>;
  readonly forget: Statement<[number]>;
  readonly forgetHistory: Statement<[number]>;
}

export const prepareBook = (db: Sqlite): BookStatements => ({
  open: db.prepare(`SELECT * FROM alerts WHERE rule_no = ? AND key = ? AND state <> 'resolved'`),
  byNumber: db.prepare('SELECT * FROM alerts WHERE alert_no = ?'),
  firing: db.prepare(`SELECT alert_no FROM alerts WHERE rule_no = ? AND state <> 'resolved' AND state = 'firing'`),
  firingCount: db
    .prepare<[], number>(`SELECT count(*) FROM alerts WHERE state <> 'resolved' AND state = 'firing'`)
    .pluck() as Statement<[], number>,
  begin: db.prepare(
    `INSERT INTO alerts (rule_no, rule, severity, key, device_id, state, since, value, notices, clock_bad, historical,
      revision, updated_at)
    VALUES (:ruleNo, :rule, :severity, :key, :deviceId, 'pending', :since, :value, 0, :clockBad, :historical, 1, :now)`,
  ),
  fire: db.prepare(
    `UPDATE alerts SET state = 'firing', since = ?, fired_at = ?, value = ?, revision = revision + 1, updated_at = ?
      WHERE alert_no = ?`,
  ),
  resolve: db.prepare(
    `UPDATE alerts SET state = 'resolved', resolved_at = ?, resolution = ?, value = ?, revision = revision + 1,
      updated_at = ? WHERE alert_no = ?`,
  ),
  acknowledge: db.prepare(
    `UPDATE alerts SET acknowledged_by = ?, acknowledged_at = ?, revision = revision + 1, updated_at = ?
      WHERE alert_no = ?`,
  ),
  touch: db.prepare('UPDATE alerts SET revision = revision + 1, updated_at = ? WHERE alert_no = ?'),
  notified: db.prepare(
    'UPDATE alerts SET notified_at = ?, notices = notices + 1, revision = revision + 1, updated_at = ? WHERE alert_no = ?',
  ),
  note: db.prepare(
    'INSERT INTO history (alert_no, at, what, event_at, value, by, note, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  ),
  requested: db
    .prepare<[number, string], number>('SELECT 1 FROM history WHERE alert_no = ? AND request = ?')
    .pluck() as Statement<[number, string], number>,
  intend: db.prepare('INSERT INTO intents (id, channel, subject, body, alert_id) VALUES (?, ?, ?, ?, ?)'),
  forget: db.prepare('DELETE FROM alerts WHERE alert_no = ?'),
  forgetHistory: db.prepare('DELETE FROM history WHERE alert_no = ?'),
});
