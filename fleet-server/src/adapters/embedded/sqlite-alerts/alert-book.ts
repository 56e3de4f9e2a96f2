/** Writes alerts: opens, fires, resolves and drops them as rules say, each with its history and with what is to be told. */
import { noticeDue, silences, type Notice, type Transition } from '@shoal/models/alerts';
import type { Alert, AlertRule, Labels, Silence } from '@shoal/protocol';
import type { Deed } from '../../../ports/alert-store.ts';
import { asAlert, alertIdOf, type AlertRow } from './alert-rows.ts';
import { noticeBody } from './alert-words.ts';
import { prepareBook, type BookStatements } from './book-statements.ts';
import type { Sqlite } from './alerts-file.ts';
import type { RunningRule } from './running-rule.ts';

export interface BookWorld {
  readonly mark: string;
  readonly labelsOf: (key: string) => Labels;
  readonly isDevice: (key: string) => boolean;
}

const NO_VALUE = 'null';

export class AlertBook {
  readonly #sql: BookStatements;
  readonly #world: BookWorld;
  #silences: readonly Silence[] = [];

  constructor(db: Sqlite, world: BookWorld) {
    this.#sql = prepareBook(db);
    this.#world = world;
  }

  setSilences(silences: readonly Silence[]): void {
    this.#silences = silences;
  }

  /** Inside a transaction, as everything here. */
  apply({ ruleNo, plan }: RunningRule, transition: Transition, now: number): void {
    const { rule } = plan;
    const { key, change, at, value } = transition;
    const text = JSON.stringify(value);
    const open = this.#sql.open.get(ruleNo, key);
    if (change === 'dropped') {
      if (open !== undefined) this.#forget(open.alert_no);
      return;
    }
    if (change === 'resolved') {
      if (open === undefined) return;
      this.#sql.resolve.run(at, transition.reason, text, now, open.alert_no);
      this.#note(open.alert_no, now, 'resolved', { eventAt: at, value: text, note: transition.reason });
      this.#tell(open.alert_no, rule, now);
      return;
    }
    const alertNo = open?.alert_no ?? this.#begin(ruleNo, rule, transition, now);
    if (change === 'fired') this.#sql.fire.run(transition.since, at, text, now, alertNo);
    this.#note(alertNo, now, change, { eventAt: at, value: text });
    if (change === 'fired' && this.#tell(alertNo, rule, now)) this.#note(alertNo, now, 'silenced', {});
  }

  /** What is due by the clock: told late because it was silenced, and told again. */
  remind(rules: readonly RunningRule[], now: number): void {
    for (const { ruleNo, plan } of rules) {
      if (plan.rule.notify.channels.length === 0) continue;
      for (const { alert_no: alertNo } of this.#sql.firing.all(ruleNo)) this.#tell(alertNo, plan.rule, now);
    }
  }

  acknowledge(alertNo: number, deed: Deed, now: number): void {
    this.#sql.acknowledge.run(deed.by, now, now, alertNo);
    this.#note(alertNo, now, 'acknowledged', deed);
  }

  write(alertNo: number, deed: Deed, now: number): void {
    this.#sql.touch.run(now, alertNo);
    this.#note(alertNo, now, 'noted', deed);
  }

  wasRequested(alertNo: number, request: string | undefined): boolean {
    return request !== undefined && this.#sql.requested.get(alertNo, request) !== undefined;
  }

  byNumber(alertNo: number): Alert | undefined {
    const row = this.#sql.byNumber.get(alertNo);
    return row === undefined ? undefined : asAlert(this.#world.mark, row);
  }

  row(alertNo: number): AlertRow | undefined {
    return this.#sql.byNumber.get(alertNo);
  }

  firingCount(): number {
    return this.#sql.firingCount.get() ?? 0;
  }

  #begin(ruleNo: number, rule: AlertRule, transition: Transition, now: number): number {
    const { key, since, value, isClockBad, isHistorical } = transition;
    const { lastInsertRowid } = this.#sql.begin.run({
      ruleNo,
      rule: rule.name,
      severity: rule.severity,
      key,
      deviceId: this.#world.isDevice(key) ? key : null,
      since,
      value: JSON.stringify(value),
      clockBad: isClockBad ? 1 : 0,
      historical: isHistorical ? 1 : 0,
      now,
    });
    return Number(lastInsertRowid);
  }

  /** @returns whether it is silenced */
  #tell(alertNo: number, rule: AlertRule, now: number): boolean {
    const row = this.#sql.byNumber.get(alertNo);
    if (row === undefined || rule.notify.channels.length === 0) return false;
    const labels = this.#world.labelsOf(row.key);
    const isSilenced = this.#silences.some((silence) =>
      silences(silence, { rule: row.rule, key: row.key, labels }, now),
    );
    const { state, notified_at: notifiedAt } = row;
    const told = { state, notifiedAt, isAcknowledged: row.acknowledged_at !== null };
    const notice = noticeDue(told, rule.notify, { isSilenced, now });
    if (notice !== null) this.#notify(row, rule, { notice, labels, now });
    return isSilenced;
  }

  #notify(
    row: AlertRow,
    rule: AlertRule,
    { notice, labels, now }: { readonly notice: Notice; readonly labels: Labels; readonly now: number },
  ): void {
    this.#sql.notified.run(notice === 'resolved' ? row.notified_at : now, now, row.alert_no);
    this.#note(row.alert_no, now, 'notified', { note: notice });
    const alert = this.byNumber(row.alert_no);
    if (alert === undefined) return;
    const subject = notice === 'resolved' ? 'alert.resolved' : notice === 'again' ? 'alert.firing' : 'alert.fired';
    const body = JSON.stringify(noticeBody(subject, alert, { rule, labels, now }));
    const alertId = alertIdOf(this.#world.mark, row.alert_no);
    for (const [index, channel] of rule.notify.channels.entries()) {
      const id = `${alertId}.${row.notices + 1}.${index}`;
      this.#sql.intend.run(id, JSON.stringify(channel), subject, body, alertId);
    }
  }

  #note(
    alertNo: number,
    at: number,
    what: string,
    more: { eventAt?: number; value?: string; by?: string; note?: string | null; request?: string | undefined },
  ): void {
    const { eventAt = null, value = NO_VALUE, by = null, note = null, request = null } = more;
    this.#sql.note.run(alertNo, at, what, eventAt, value, by, note, request);
  }

  #forget(alertNo: number): void {
    this.#sql.forgetHistory.run(alertNo);
    this.#sql.forget.run(alertNo);
  }
}
