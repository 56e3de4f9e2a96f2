/** The clients that poll: registered by their first poll or by an operator, with what they say of themselves. */
import { Injectable } from '@nestjs/common';
import type { DdiConfigData, Page, SystemTarget, SystemTargetQuery } from '@shoal/protocol';
import type { Actor } from '../../audit/actor.ts';
import { AuditService } from '../../audit/audit.service.ts';
import { ControlDatabase, type SystemTargetRow, type Transaction } from '../../db/database.ts';
import { FleetError } from '../../errors.ts';
import { decodeCursor, encodeCursor } from '../../listing/cursor.ts';
import { targetMissing } from './actions.service.ts';
import { ActionsStore } from './actions.store.ts';
import { hashOfToken } from './ddi-token.ts';
import { Surroundings } from './surroundings.service.ts';
import { TargetsStore } from './targets.store.ts';
import { actionView, attributesOf, targetView } from './views.ts';

const MAX_ATTRIBUTES = 100;

@Injectable()
export class SystemTargets {
  private readonly rows = new TargetsStore();
  private readonly actions = new ActionsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.around = around;
  }

  /** By id. */
  async list(
    query: Partial<SystemTargetQuery>,
    limit: number,
    cursor: string | undefined,
  ): Promise<Page<SystemTarget>> {
    const after = cursor === undefined ? '' : (decodeCursor(cursor, ['string'])[0] as string);
    const { heardBefore } = this.around;
    const rows = await this.rows.page(this.database, query, { after, limit: limit + 1, heardBefore });
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: await this.views(shown),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.target_id]) : null,
    };
  }

  /** @throws FleetError SYSTEM_TARGET_NOT_FOUND */
  async show(targetId: string): Promise<SystemTarget> {
    const row = await this.rows.find(this.database, targetId);
    if (row === undefined) throw targetMissing(targetId);
    const [view] = await this.views([row]);
    if (view === undefined) throw targetMissing(targetId);
    return view;
  }

  /** Again with the same token it changes nothing. @throws FleetError SYSTEM_TARGETS_TOO_MANY | SYSTEM_TARGET_EXISTS */
  async add(actor: Actor, targetId: string, token: string): Promise<SystemTarget> {
    await this.audit.change(async (transaction, record) => {
      const row = await this.rows.find(transaction, targetId);
      const token_hash = hashOfToken(token);
      if (row?.token_hash === token_hash) return;
      if (row !== undefined)
        throw new FleetError('SYSTEM_TARGET_EXISTS', `${targetId} is registered already; PUT its token to change it.`);
      await this.register(transaction, targetId);
      await this.rows.change(transaction, targetId, { token_hash });
      const subject = `system-target:${targetId}`;
      const after = { hasToken: true };
      await record({ actor, action: 'system-target.registered', subject, before: null, after });
    });
    return this.show(targetId);
  }

  /** @throws FleetError SYSTEM_TARGET_NOT_FOUND */
  async putToken(actor: Actor, targetId: string, token: string): Promise<SystemTarget> {
    await this.audit.change(async (transaction, record) => {
      const row = await this.rows.find(transaction, targetId);
      if (row === undefined) throw targetMissing(targetId);
      await this.rows.change(transaction, targetId, { token_hash: hashOfToken(token) });
      const subject = `system-target:${targetId}`;
      const before = { hasToken: row.token_hash !== null };
      await record({ actor, action: 'system-target.token.changed', subject, before, after: { hasToken: true } });
    });
    return this.show(targetId);
  }

  /** @throws FleetError SYSTEM_TARGET_NOT_FOUND */
  async remove(actor: Actor, targetId: string): Promise<void> {
    await this.audit.change(async (transaction, record) => {
      const row = await this.rows.find(transaction, targetId);
      if (row === undefined) throw targetMissing(targetId);
      await this.actions.removeOf(transaction, targetId);
      await this.rows.remove(transaction, targetId);
      const { token_hash: _, ...before } = row;
      const subject = `system-target:${targetId}`;
      await record({ actor, action: 'system-target.removed', subject, before, after: null });
    });
  }

  /** Registers who is not known yet. @throws FleetError SYSTEM_TARGETS_TOO_MANY */
  async polled(targetId: string, address: string): Promise<SystemTargetRow> {
    const polled = { last_polled_at: this.around.clock.now(), address };
    const known = await this.rows.find(this.database, targetId);
    if (known !== undefined) {
      await this.rows.change(this.database, targetId, polled);
      return { ...known, ...polled };
    }
    return this.audit.change(async (transaction, record) => {
      const meanwhile = await this.rows.find(transaction, targetId);
      const row = meanwhile ?? (await this.register(transaction, targetId));
      await this.rows.change(transaction, targetId, polled);
      const actor = actorOfTarget(targetId, address);
      const subject = `system-target:${targetId}`;
      if (meanwhile === undefined)
        await record({ actor, action: 'system-target.registered', subject, before: null, after: { address } });
      return { ...row, ...polled };
    });
  }

  /** @throws FleetError SYSTEM_TARGET_NOT_FOUND | SYSTEM_ATTRIBUTES_TOO_MANY */
  async describe(targetId: string, { mode, data }: DdiConfigData): Promise<void> {
    await this.database.transaction().execute(async (transaction) => {
      const row = await this.rows.find(transaction, targetId);
      if (row === undefined) throw targetMissing(targetId);
      const attributes = attributesAfter(attributesOf(row), mode ?? 'merge', data);
      if (Object.keys(attributes).length > MAX_ATTRIBUTES)
        throw new FleetError('SYSTEM_ATTRIBUTES_TOO_MANY', `More than ${MAX_ATTRIBUTES} attributes of ${targetId}.`);
      await this.rows.change(transaction, targetId, { attributes: JSON.stringify(attributes), asks_attributes: 0 });
    });
  }

  private async register(transaction: Transaction, targetId: string): Promise<SystemTargetRow> {
    const { maxTargets } = this.around.config;
    if ((await this.rows.count(transaction)) >= maxTargets)
      throw new FleetError(
        'SYSTEM_TARGETS_TOO_MANY',
        `${maxTargets} targets are here, as many as ddi.maxTargets allows.`,
      );
    const row: SystemTargetRow = {
      target_id: targetId,
      registered_at: this.around.clock.now(),
      last_polled_at: null,
      address: null,
      attributes: '{}',
      asks_attributes: 1,
      installed_action: null,
      installed_image: null,
      newest_action: null,
      token_hash: null,
    };
    await this.rows.add(transaction, row);
    return row;
  }

  private async views(rows: readonly SystemTargetRow[]): Promise<SystemTarget[]> {
    const newest = rows.flatMap(({ newest_action: id }) => (id === null ? [] : [id]));
    const actions = new Map(
      (await this.actions.ofIds(this.database, newest)).map((row) => [row.target_id, row] as const),
    );
    return rows.map((row) => {
      const action = actions.get(row.target_id);
      return targetView(row, action === undefined ? null : actionView(action, this.around.heardBefore));
    });
  }
}

/** As the audit trail names a client. */
export const actorOfTarget = (targetId: string, address: string | null): Actor => ({
  principal: `system-target:${targetId}`,
  from: address,
});

const attributesAfter = (
  before: Readonly<Record<string, string>>,
  mode: 'merge' | 'replace' | 'remove',
  data: Readonly<Record<string, string>>,
): Record<string, string> => {
  if (mode === 'replace') return { ...data };
  if (mode === 'merge') return { ...before, ...data };
  return Object.fromEntries(Object.entries(before).filter(([name]) => !Object.hasOwn(data, name)));
};
