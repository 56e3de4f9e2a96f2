/** What operators do with actions: assign, cancel, look. Stored before it is answered; clients learn of it when they poll. */
import { Injectable } from '@nestjs/common';
import type {
  Page,
  SystemAction,
  SystemActionDetail,
  SystemActionQuery,
  SystemAssignment,
  SystemCancel,
} from '@shoal/protocol';
import type { Actor } from '../../audit/actor.ts';
import { AuditService, type Recorder } from '../../audit/audit.service.ts';
import { ControlDatabase, type Connection, type SystemActionRow, type Transaction } from '../../db/database.ts';
import { FleetError } from '../../errors.ts';
import { decodeCursor, encodeCursor } from '../../listing/cursor.ts';
import { afterCancelRequest, isFinal, type StoredState } from './action-state.ts';
import { ActionsStore } from './actions.store.ts';
import { ImagesStore } from './images.store.ts';
import { Surroundings } from './surroundings.service.ts';
import { TargetsStore } from './targets.store.ts';
import { actionView, eventView } from './views.ts';

/** Of one target; the oldest closed ones go. */
const CLOSED_KEPT = 50;

interface Cancelation {
  readonly actor: Actor;
  readonly force: boolean;
  readonly why: string;
}

@Injectable()
export class SystemActions {
  private readonly rows = new ActionsStore();
  private readonly images = new ImagesStore();
  private readonly targets = new TargetsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.around = around;
  }

  /**
   * The older ones that are open make room, as in hawkBit. The same key with the same body answers the same action.
   * @throws FleetError SYSTEM_TARGET_NOT_FOUND | SYSTEM_IMAGE_NOT_FOUND | IDEMPOTENCY_KEY_REUSED
   */
  async assign(actor: Actor, { targetId, image }: SystemAssignment, key: string | undefined): Promise<SystemAction> {
    const row = await this.audit.change(async (transaction, record) => {
      const known = key === undefined ? undefined : await this.rows.ofRequest(transaction, key);
      if (known !== undefined) return sameRequest(known, targetId, image);
      const target = await this.targets.find(transaction, targetId);
      if (target === undefined) throw targetMissing(targetId);
      if ((await this.images.find(transaction, image)) === undefined)
        throw new FleetError('SYSTEM_IMAGE_NOT_FOUND', `No image ${image}. List them with GET /api/system/images.`);
      const why = `${image} takes its place`;
      for (const older of await this.rows.open(transaction, targetId))
        if (older.state !== 'canceling') await this.cancelRow(transaction, record, older, { actor, force: false, why });
      const now = this.around.clock.now();
      const fresh: SystemActionRow = {
        action_id: await this.images.nextNumber(transaction, 'action'),
        target_id: targetId,
        image,
        state: 'pending',
        progress_done: null,
        progress_of: null,
        created_at: now,
        created_by: actor.principal,
        heard_at: null,
        quiet_since: null,
        finished_at: null,
        events: 0,
        creation_request: key ?? null,
      };
      await this.rows.add(transaction, fresh);
      const event = { at: now, what: 'assigned', messages: JSON.stringify([`by ${actor.principal}`]) };
      const added = await this.rows.note(transaction, fresh, {}, event);
      await this.targets.change(transaction, targetId, { newest_action: fresh.action_id });
      await this.rows.trim(transaction, target, CLOSED_KEPT);
      const after = { targetId, image };
      await record({ actor, action: 'system-action.assigned', subject: subjectOf(fresh), before: null, after });
      return added;
    });
    return this.view(row);
  }

  /** One that is being canceled stays so; forced, it is over at once. @throws FleetError SYSTEM_ACTION_NOT_FOUND | SYSTEM_ACTION_FINAL */
  async cancel(actor: Actor, actionId: number, { force, note }: SystemCancel): Promise<SystemAction> {
    const row = await this.audit.change(async (transaction, record) => {
      const found = await this.required(transaction, actionId);
      if (found.state === 'canceled') return found;
      if (isFinal(found.state))
        throw new FleetError('SYSTEM_ACTION_FINAL', `Action ${actionId} is ${found.state} and cannot be canceled.`);
      if (found.state === 'canceling' && !force) return found;
      return this.cancelRow(transaction, record, found, { actor, force, why: note });
    });
    return this.view(row);
  }

  /** @throws FleetError SYSTEM_ACTION_NOT_FOUND */
  async show(actionId: number): Promise<SystemActionDetail> {
    const row = await this.required(this.database, actionId);
    const events = await this.rows.events(this.database, actionId);
    return { ...this.view(row), history: events.map(eventView) };
  }

  /** The newest first. */
  async list(
    query: Partial<SystemActionQuery>,
    limit: number,
    cursor: string | undefined,
  ): Promise<Page<SystemAction>> {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : (decodeCursor(cursor, ['number'])[0] as number);
    const { heardBefore } = this.around;
    const rows = await this.rows.page(this.database, query, { before, limit: limit + 1, heardBefore });
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map((row) => actionView(row, heardBefore)),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.action_id]) : null,
    };
  }

  private async cancelRow(
    transaction: Transaction,
    record: Recorder,
    row: SystemActionRow,
    { actor, force, why }: Cancelation,
  ): Promise<SystemActionRow> {
    const now = this.around.clock.now();
    const state = afterCancelRequest(row.state as StoredState, force);
    const messages = JSON.stringify([why === '' ? `by ${actor.principal}` : `by ${actor.principal}: ${why}`]);
    // Its patience begins anew: the target has until then to answer.
    const changes = { state, quiet_since: now, finished_at: isFinal(state) ? now : null };
    const after = await this.rows.note(transaction, row, changes, { at: now, what: 'cancel', messages });
    const states = { before: { state: row.state }, after: { state, why } };
    await record({ actor, action: 'system-action.canceled', subject: subjectOf(row), ...states });
    return after;
  }

  private async required(db: Connection, actionId: number): Promise<SystemActionRow> {
    const row = await this.rows.find(db, actionId);
    if (row !== undefined) return row;
    throw new FleetError('SYSTEM_ACTION_NOT_FOUND', `No action ${actionId}. List them with GET /api/system/actions.`);
  }

  private view(row: SystemActionRow): SystemAction {
    return actionView(row, this.around.heardBefore);
  }
}

export const subjectOf = ({ action_id }: SystemActionRow): string => `system-action:${action_id}`;

export const targetMissing = (targetId: string): FleetError =>
  new FleetError('SYSTEM_TARGET_NOT_FOUND', `No target ${targetId}. It registers with its first poll.`);

const sameRequest = (row: SystemActionRow, targetId: string, image: string): SystemActionRow => {
  if (row.target_id === targetId && row.image === image) return row;
  throw new FleetError(
    'IDEMPOTENCY_KEY_REUSED',
    `The key made action ${row.action_id}, of ${row.image} for ${row.target_id}; use a new key.`,
  );
};
