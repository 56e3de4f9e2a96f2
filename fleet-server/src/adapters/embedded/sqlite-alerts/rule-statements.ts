/** The statements of the writer about rules, keys and what is to be told, prepared once. */
import type { Statement } from 'better-sqlite3';
import type { Sqlite } from './alerts-file.ts';

export interface RuleStatements {
  readonly add: Statement<[string, string, string, string]>;
  readonly setDefinition: Statement<[string, number]>;
  readonly setTally: Statement<[string, number]>;
  readonly drop: Statement<[number]>;
  readonly keep: Statement<[number, string, string]>;
  readonly forgetKey: Statement<[number, string]>;
  readonly handedOn: Statement<[number]>;
  readonly intentCount: Statement<[], number>;
  readonly lastChange: Statement<[], number>;
  /** @returns alerts dropped */
  readonly trim: (kept: { readonly since: number; readonly newest: number }, limit: number) => number;
}

const plucked = (db: Sqlite, sql: string): Statement<[], number> =>
  db.prepare<[], number>(sql).pluck() as Statement<[], number>;

/** By age, and the oldest of more than are kept. */
const OLD = `SELECT alert_no FROM alerts WHERE state = 'resolved' AND
  (updated_at < ? OR alert_no <= (SELECT max(alert_no) FROM alerts) - ?) ORDER BY alert_no LIMIT ?`;

export const prepareRules = (db: Sqlite): RuleStatements => {
  const old = db.prepare<[number, number, number], number>(OLD).pluck();
  const forgetHistory = db.prepare<[number]>('DELETE FROM history WHERE alert_no = ?');
  const forget = db.prepare<[number]>('DELETE FROM alerts WHERE alert_no = ?');
  return {
    add: db.prepare('INSERT INTO rules (name, decision, definition, tally) VALUES (?, ?, ?, ?)'),
    setDefinition: db.prepare('UPDATE rules SET definition = ? WHERE rule_no = ?'),
    setTally: db.prepare('UPDATE rules SET tally = ? WHERE rule_no = ?'),
    drop: db.prepare('UPDATE rules SET is_dropped = 1 WHERE rule_no = ?'),
    keep: db.prepare('INSERT INTO key_states VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state'),
    forgetKey: db.prepare('DELETE FROM key_states WHERE rule_no = ? AND key = ?'),
    handedOn: db.prepare('DELETE FROM intents WHERE intent <= ?'),
    intentCount: plucked(db, 'SELECT count(*) FROM intents'),
    lastChange: plucked(db, 'SELECT max(change) FROM history'),
    trim: ({ since, newest }, limit) => {
      const gone = old.all(since, newest, limit) as number[];
      for (const alertNo of gone) {
        forgetHistory.run(alertNo);
        forget.run(alertNo);
      }
      return gone.length;
    },
  };
};
