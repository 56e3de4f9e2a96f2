/** Pages of alerts, one with its history, what changed, what is to be told, and how rules are doing. */
import type {
  Alert,
  AlertDetail,
  AlertQuery,
  AlertRuleStatus,
  DeliveryChannel,
  JsonObject,
  Page,
  Scalar,
  Silence,
} from '@shoal/protocol';
import type { RuleTally } from '@shoal/models/alerts';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type { AlertChange, AlertIntent } from '../../../ports/alert-store.ts';
import { AlertFacts } from './alert-facts.ts';
import { alertNoOf, asAlert, type AlertRow } from './alert-rows.ts';
import type { Sqlite } from './alerts-file.ts';
import { SilenceRows } from './silence-rows.ts';

const ENTRIES_SHOWN = 1_000;

interface HistoryRow {
  readonly at: number;
  readonly what: string;
  readonly event_at: number | null;
  readonly value: string;
  readonly by: string | null;
  readonly note: string | null;
}

interface IntentRow {
  readonly intent: number;
  readonly id: string;
  readonly channel: string;
  readonly subject: string;
  readonly body: string;
  readonly alert_id: string;
}

export type AlertListQuery = Omit<AlertQuery, 'format'>;

export class AlertsReads {
  readonly #db: Sqlite;
  readonly #mark: string;
  readonly #silences: SilenceRows;

  constructor(db: Sqlite) {
    this.#db = db;
    this.#mark = new AlertFacts(db).mark;
    this.#silences = new SilenceRows(db);
  }

  alerts(query: AlertListQuery): Page<Alert> {
    const rows = this.#select(query);
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      items: shown.map((row) => asAlert(this.#mark, row)),
      nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor([last.alert_no]) : null,
    };
  }

  alert(alertId: string): AlertDetail | undefined {
    const alertNo = alertNoOf(this.#mark, alertId);
    const row = this.#db.prepare<[number], AlertRow>('SELECT * FROM alerts WHERE alert_no = ?').get(alertNo ?? 0);
    if (row === undefined) return undefined;
    const entries = this.#db
      .prepare<[number, number], HistoryRow>('SELECT * FROM history WHERE alert_no = ? ORDER BY change DESC LIMIT ?')
      .all(row.alert_no, ENTRIES_SHOWN);
    const history = entries.toReversed().map(({ event_at: eventAt, value, at, what, by, note }) => ({
      at,
      what,
      eventAt,
      value: JSON.parse(value) as Scalar,
      by,
      note,
    }));
    return { ...asAlert(this.#mark, row), history };
  }

  /** Those that fired, each once as it is now, under its latest change of these. */
  changes(afterChange: number, limit: number): AlertChange[] {
    const rows = this.#db
      .prepare<[number, number], AlertRow & { change: number }>(
        `SELECT max(h.change) AS change, a.* FROM (SELECT * FROM history WHERE change > ? ORDER BY change LIMIT ?) h
          JOIN alerts a USING (alert_no) WHERE a.fired_at IS NOT NULL GROUP BY a.alert_no ORDER BY change`,
      )
      .all(afterChange, limit);
    return rows.map((row) => ({ change: row.change, alert: asAlert(this.#mark, row) }));
  }

  intents(limit: number): AlertIntent[] {
    const rows = this.#db.prepare<[number], IntentRow>('SELECT * FROM intents ORDER BY intent LIMIT ?').all(limit);
    return rows.map(({ intent, id, channel, subject, body, alert_id: alertId }) => ({
      intent,
      id,
      channel: JSON.parse(channel) as DeliveryChannel,
      subject,
      body: JSON.parse(body) as JsonObject,
      alertId,
    }));
  }

  silences(now: number): Silence[] {
    return this.#silences.all().filter(({ until }) => until > now);
  }

  status(rule: string): AlertRuleStatus | undefined {
    const row = this.#db
      .prepare<[string], { rule_no: number; tally: string }>(
        'SELECT rule_no, tally FROM rules WHERE name = ? AND is_dropped = 0',
      )
      .get(rule);
    if (row === undefined) return undefined;
    const counts = this.#db
      .prepare<[number], { state: string; count: number }>(
        `SELECT state, count(*) AS count FROM alerts WHERE rule_no = ? AND state <> 'resolved' GROUP BY state`,
      )
      .all(row.rule_no);
    const of = (state: string): number => counts.find((each) => each.state === state)?.count ?? 0;
    return { name: rule, firing: of('firing'), pending: of('pending'), ...(JSON.parse(row.tally) as RuleTally) };
  }

  #select({ state, severity, rule, key, from, to, limit, cursor }: AlertListQuery): AlertRow[] {
    const before = cursor === undefined ? undefined : Number(decodeCursor(cursor, ['number'])[0]);
    const conditions: string[] = ['1'];
    // What is open is found by its own index, however much has been resolved.
    const isOpen = state !== undefined && state !== 'resolved';
    if (isOpen) conditions.push(`state <> 'resolved'`);
    if (state !== undefined && state !== 'open') conditions.push('state = :state');
    if (severity !== undefined) conditions.push('severity = :severity');
    if (rule !== undefined) conditions.push('rule = :rule');
    if (key !== undefined) conditions.push('key = :key');
    if (from !== undefined) conditions.push('since >= :from');
    if (to !== undefined) conditions.push('since < :to');
    if (before !== undefined) conditions.push('alert_no < :before');
    const named = { state: state === 'open' ? undefined : state, severity, rule, key, from, to, before };
    const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
    return this.#db
      .prepare<[Readonly<Record<string, unknown>>], AlertRow>(
        `SELECT * FROM alerts ${isOpen ? 'INDEXED BY alerts_open' : ''} WHERE ${conditions.join(' AND ')} ORDER BY alert_no DESC LIMIT :limit`,
      )
      .all({ ...given, limit: limit + 1 });
  }
}
