/** Rows of actions and of what was reported of them. */
import type { SystemActionQuery, SystemActionState } from '@shoal/protocol';
import type { SelectQueryBuilder } from 'kysely';
import type {
  Connection,
  SystemActionEventRow,
  SystemActionRow,
  SystemTargetRow,
  Tables,
  Transaction,
} from '../../db/database.ts';
import { STATES_THAT_TIME_OUT } from './action-state.ts';

/** Of one action; the oldest go. */
const EVENTS_KEPT = 200;
const OPEN = ['pending', ...STATES_THAT_TIME_OUT];

export class ActionsStore {
  async find(db: Connection, actionId: number): Promise<SystemActionRow | undefined> {
    return db.selectFrom('system_actions').selectAll().where('action_id', '=', actionId).executeTakeFirst();
  }

  async ofRequest(db: Connection, creationRequest: string): Promise<SystemActionRow | undefined> {
    return db
      .selectFrom('system_actions')
      .selectAll()
      .where('creation_request', '=', creationRequest)
      .executeTakeFirst();
  }

  async ofIds(db: Connection, actionIds: readonly number[]): Promise<SystemActionRow[]> {
    if (actionIds.length === 0) return [];
    return db.selectFrom('system_actions').selectAll().where('action_id', 'in', actionIds).execute();
  }

  /** Oldest first: a client is shown the first of them. */
  async open(db: Connection, targetId: string): Promise<SystemActionRow[]> {
    return db
      .selectFrom('system_actions')
      .selectAll()
      .where('target_id', '=', targetId)
      .where('state', 'in', OPEN)
      .orderBy('action_id')
      .execute();
  }

  /** Whether the target was ever given this image and has not been told to leave it. */
  async isGiven(db: Connection, targetId: string, image: string): Promise<boolean> {
    const row = await db
      .selectFrom('system_actions')
      .select('action_id')
      .where('target_id', '=', targetId)
      .where('image', '=', image)
      .where('state', 'not in', ['pending', 'canceled'])
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  async isNeeded(db: Connection, image: string): Promise<boolean> {
    const row = await db
      .selectFrom('system_actions')
      .select('action_id')
      .where('image', '=', image)
      .where('state', 'in', OPEN)
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  async add(transaction: Transaction, row: SystemActionRow): Promise<void> {
    await transaction.insertInto('system_actions').values(row).execute();
  }

  /** The change and why, in one. */
  async note(
    transaction: Transaction,
    row: SystemActionRow,
    changes: Partial<SystemActionRow>,
    event: Pick<SystemActionEventRow, 'at' | 'what' | 'messages'>,
  ): Promise<SystemActionRow> {
    const after = { ...row, ...changes, events: row.events + 1 };
    await transaction.updateTable('system_actions').set(after).where('action_id', '=', row.action_id).execute();
    await transaction
      .insertInto('system_action_events')
      .values({ action_id: row.action_id, number: after.events, ...event })
      .execute();
    await transaction
      .deleteFrom('system_action_events')
      .where('action_id', '=', row.action_id)
      .where('number', '<=', after.events - EVENTS_KEPT)
      .execute();
    return after;
  }

  /** Oldest first. */
  async events(db: Connection, actionId: number): Promise<SystemActionEventRow[]> {
    return db
      .selectFrom('system_action_events')
      .selectAll()
      .where('action_id', '=', actionId)
      .orderBy('number')
      .execute();
  }

  async removeOf(transaction: Transaction, targetId: string): Promise<void> {
    const own = transaction.selectFrom('system_actions').select('action_id').where('target_id', '=', targetId);
    await transaction.deleteFrom('system_action_events').where('action_id', 'in', own).execute();
    await transaction.deleteFrom('system_actions').where('target_id', '=', targetId).execute();
  }

  /** Of a target's closed actions the newest stay, and the one that it has installed. */
  async trim(transaction: Transaction, target: SystemTargetRow, kept: number): Promise<void> {
    const closed = await transaction
      .selectFrom('system_actions')
      .select('action_id')
      .where('target_id', '=', target.target_id)
      .where('action_id', '!=', target.installed_action ?? 0)
      .where('state', 'not in', OPEN)
      .orderBy('action_id', 'desc')
      .offset(kept)
      .limit(1_000)
      .execute();
    const ids = closed.map(({ action_id }) => action_id);
    if (ids.length === 0) return;
    await transaction.deleteFrom('system_action_events').where('action_id', 'in', ids).execute();
    await transaction.deleteFrom('system_actions').where('action_id', 'in', ids).execute();
  }

  /** The newest first, those before an id. */
  async page(
    db: Connection,
    { targetId, image, state }: Partial<SystemActionQuery>,
    { before, limit, heardBefore }: { readonly before: number; readonly limit: number; readonly heardBefore: number },
  ): Promise<SystemActionRow[]> {
    let query = (state === undefined ? db.selectFrom('system_actions') : ofState(db, state, heardBefore))
      .selectAll()
      .where('action_id', '<', before);
    if (targetId !== undefined) query = query.where('target_id', '=', targetId);
    if (image !== undefined) query = query.where('image', '=', image);
    return query.orderBy('action_id', 'desc').limit(limit).execute();
  }
}

type Actions = SelectQueryBuilder<Tables, 'system_actions', object>;

/** Those that are shown in a state: as `shownState` has it, in SQL. */
export const ofState = (db: Connection, state: SystemActionState, heardBefore: number): Actions => {
  const all = db.selectFrom('system_actions');
  if (state === 'timed-out')
    return all.where('state', 'in', STATES_THAT_TIME_OUT).where('quiet_since', '<', heardBefore);
  const stored = all.where('state', '=', state);
  if (!STATES_THAT_TIME_OUT.includes(state)) return stored;
  return stored.where((where) => where.or([where('quiet_since', 'is', null), where('quiet_since', '>=', heardBefore)]));
};
