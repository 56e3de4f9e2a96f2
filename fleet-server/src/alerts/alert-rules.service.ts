/** Defines rules: stored with a revision, audited, and told to the store of alerts, which runs them. */
import { Injectable } from '@nestjs/common';
import type { AlertRule, AlertRuleDocument, Page } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService, type Recorder } from '../audit/audit.service.ts';
import { ControlDatabase, type AlertRuleRow, type Transaction } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { requireRevision } from '../listing/conditional.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { AlertStore } from '../ports/alert-store.ts';
import { AlertRulesStore } from './alert-rules.store.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class AlertRulesService {
  private readonly rows = new AlertRulesStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly store: AlertStore;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, store: AlertStore, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.store = store;
    this.around = around;
  }

  /** The definitions are the truth: these decide and no others, whatever did before. */
  async start(): Promise<void> {
    const rules = (await this.rows.all(this.database)).map(ruleOf);
    await this.store.adopt(rules, this.around.clock.now());
  }

  async list(limit: number, cursor: string | undefined): Promise<Page<AlertRuleDocument>> {
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const rows = await this.rows.page(this.database, after, limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map(documentOf),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.name]) : null,
    };
  }

  /** @throws FleetError ALERT_RULE_NOT_FOUND */
  async show(name: string): Promise<AlertRuleDocument> {
    return documentOf(await this.row(this.database, name));
  }

  /** With an Idempotency-Key the same rule again is answered the same. @throws FleetError ALERT_RULE_EXISTS | ALERT_RULES_TOO_MANY */
  async create(actor: Actor, rule: AlertRule, idempotencyKey: string | undefined): Promise<AlertRuleDocument> {
    return this.change(rule, async (transaction, record) => {
      const before = await this.rows.find(transaction, rule.name);
      if (before !== undefined) {
        if (idempotencyKey !== undefined && before.definition === JSON.stringify(rule)) return before;
        throw new FleetError('ALERT_RULE_EXISTS', `Rule ${rule.name} is defined already; replace it with PUT.`);
      }
      const { maxRules } = this.around.config;
      if ((await this.rows.count(transaction)) >= maxRules) {
        throw new FleetError('ALERT_RULES_TOO_MANY', `There are ${maxRules} rules, and there may be no more.`);
      }
      return this.write(transaction, record, { actor, rule, before: undefined });
    });
  }

  /** @throws FleetError ALERT_RULE_NOT_FOUND | REVISION_STALE */
  async replace(actor: Actor, rule: AlertRule, ifMatch: string | undefined): Promise<AlertRuleDocument> {
    return this.change(rule, async (transaction, record) => {
      const before = await this.row(transaction, rule.name);
      requireRevision(ifMatch, before.revision, `Rule ${rule.name}`);
      return before.definition === JSON.stringify(rule)
        ? before
        : this.write(transaction, record, { actor, rule, before });
    });
  }

  /** @throws FleetError ALERT_RULE_NOT_FOUND | REVISION_STALE */
  async remove(actor: Actor, name: string, ifMatch: string | undefined): Promise<void> {
    await this.audit.change(async (transaction, record) => {
      const before = await this.row(transaction, name);
      requireRevision(ifMatch, before.revision, `Rule ${name}`);
      await this.rows.remove(transaction, name);
      const subject = `alert-rule:${name}`;
      await record({ actor, action: 'alert-rule.removed', subject, before: ruleOf(before), after: null });
    });
    await this.store.drop(name, this.around.clock.now());
  }

  /** What is not told to the store now is told to it at the next start: the definition is what was committed. */
  private async change(
    rule: AlertRule,
    work: (transaction: Transaction, record: Recorder) => Promise<AlertRuleRow>,
  ): Promise<AlertRuleDocument> {
    const row = await this.audit.change(work);
    await this.store.define(rule, this.around.clock.now());
    return documentOf(row);
  }

  private async write(
    transaction: Transaction,
    record: Recorder,
    { actor, rule, before }: { actor: Actor; rule: AlertRule; before: AlertRuleRow | undefined },
  ): Promise<AlertRuleRow> {
    const row: AlertRuleRow = {
      name: rule.name,
      definition: JSON.stringify(rule),
      revision: (before?.revision ?? 0) + 1,
      updated_at: this.around.clock.now(),
    };
    if (!(await this.rows.write(transaction, row))) {
      throw new FleetError('REVISION_STALE', `Rule ${row.name} was changed meanwhile; read it and try again.`);
    }
    await record({
      actor,
      action: before === undefined ? 'alert-rule.defined' : 'alert-rule.replaced',
      subject: `alert-rule:${row.name}`,
      before: before === undefined ? null : ruleOf(before),
      after: rule,
    });
    return row;
  }

  private async row(db: ControlDatabase | Transaction, name: string): Promise<AlertRuleRow> {
    const row = await this.rows.find(db, name);
    if (row !== undefined) return row;
    throw new FleetError('ALERT_RULE_NOT_FOUND', `No rule "${name}". List them with GET /api/alert-rules.`);
  }
}

const ruleOf = ({ definition }: AlertRuleRow): AlertRule => JSON.parse(definition) as AlertRule;

const documentOf = (row: AlertRuleRow): AlertRuleDocument => ({
  name: row.name,
  rule: ruleOf(row),
  revision: row.revision,
  updatedAt: row.updated_at,
});
