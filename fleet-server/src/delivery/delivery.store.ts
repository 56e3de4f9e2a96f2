/** Rows of deliveries and of their attempts. */
import type { DeliveryAttempt, DeliveryChannel, DeliveryQuery } from '@shoal/protocol';
import type { Connection, DeliveryRow, Transaction } from '../db/database.ts';
import type { AttemptRecord, DueDelivery } from './delivery-intent.ts';

const ATTEMPTS_SHOWN = 100;

/** What is left out: on its way, or its destination has enough on their way. */
export interface Busy {
  readonly ids: readonly string[];
  readonly destinations: readonly string[];
}

export type ListedRow = Omit<DeliveryRow, 'body'>;

const LISTED = [
  'id',
  'channel_type',
  'channel',
  'destination',
  'subject',
  'source_kind',
  'source_id',
  'state',
  'created_at',
  'round_started_at',
  'attempts',
  'round_attempts',
  'next_attempt_at',
  'finished_at',
  'error_code',
  'error_message',
] as const;

const asDue = (row: DeliveryRow): DueDelivery => ({
  id: row.id,
  channel: JSON.parse(row.channel) as DeliveryChannel,
  destination: row.destination,
  subject: row.subject,
  body: row.body,
  createdAt: row.created_at,
  roundStartedAt: row.round_started_at,
  attempts: row.attempts,
  roundAttempts: row.round_attempts,
});

const faultOf = (code: string | null, message: string | null): { code: string; message: string } | null =>
  code === null ? null : { code, message: message ?? '' };

export class DeliveryStore {
  /** @returns ids that are new */
  async insert(transaction: Transaction, rows: readonly DeliveryRow[]): Promise<string[]> {
    const inserted = await transaction
      .insertInto('deliveries')
      .values([...rows])
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returning('id')
      .execute();
    return inserted.map(({ id }) => id);
  }

  /** The longest waiting of those whose time has come. */
  async due(db: Connection, now: number, limit: number, busy: Busy): Promise<DueDelivery[]> {
    const rows = await waiting(db, busy)
      .selectAll()
      .where('next_attempt_at', '<=', now)
      .orderBy('next_attempt_at')
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(asDue);
  }

  /** When the next one is due; undefined when none waits. */
  async nextDueAt(db: Connection, busy: Busy): Promise<number | undefined> {
    const row = await waiting(db, busy)
      .select('next_attempt_at')
      .where('next_attempt_at', 'is not', null)
      .orderBy('next_attempt_at')
      .limit(1)
      .executeTakeFirst();
    return row?.next_attempt_at ?? undefined;
  }

  async pendingCount(db: Connection): Promise<number> {
    const row = await db
      .selectFrom('deliveries')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('state', '=', 'pending')
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  }

  async record(
    transaction: Transaction,
    { delivery, at, durationMs, outcome, ...after }: AttemptRecord,
  ): Promise<void> {
    const fault = outcome.kind === 'failed' ? outcome.fault : null;
    const attempt = delivery.attempts + 1;
    await transaction
      .updateTable('deliveries')
      .set({
        state: after.state,
        attempts: attempt,
        round_attempts: delivery.roundAttempts + 1,
        next_attempt_at: after.nextAttemptAt,
        finished_at: after.state === 'pending' ? null : at + durationMs,
        error_code: fault?.code ?? null,
        error_message: fault?.message ?? null,
      })
      .where('id', '=', delivery.id)
      .execute();
    await transaction
      .insertInto('delivery_attempts')
      .values({
        delivery_id: delivery.id,
        attempt,
        at,
        duration_ms: durationMs,
        outcome: after.state === 'pending' ? 'again' : after.state === 'failed' ? 'given-up' : 'delivered',
        status: outcome.status,
        error_code: fault?.code ?? null,
        error_message: fault?.message ?? null,
        answer: outcome.answer,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  async find(db: Connection, id: string): Promise<DeliveryRow | undefined> {
    return db.selectFrom('deliveries').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** The latest, oldest first. */
  async attempts(db: Connection, id: string): Promise<DeliveryAttempt[]> {
    const rows = await db
      .selectFrom('delivery_attempts')
      .selectAll()
      .where('delivery_id', '=', id)
      .orderBy('attempt', 'desc')
      .limit(ATTEMPTS_SHOWN)
      .execute();
    return rows.toReversed().map((row) => ({
      attempt: row.attempt,
      at: row.at,
      durationMs: row.duration_ms,
      outcome: row.outcome as DeliveryAttempt['outcome'],
      status: row.status,
      error: faultOf(row.error_code, row.error_message),
      answer: row.answer,
    }));
  }

  async sendAgain(transaction: Transaction, id: string, now: number): Promise<void> {
    await transaction
      .updateTable('deliveries')
      .set({ state: 'pending', round_started_at: now, round_attempts: 0, next_attempt_at: now, finished_at: null })
      .where('id', '=', id)
      .execute();
  }

  /** Newest first, before the one at `before`. */
  async page(
    db: Connection,
    query: Partial<DeliveryQuery>,
    limit: number,
    before: readonly [createdAt: number, id: string] | undefined,
  ): Promise<ListedRow[]> {
    let rows = db.selectFrom('deliveries').select(LISTED);
    if (query.state !== undefined) rows = rows.where('state', '=', query.state);
    if (query.channel !== undefined) rows = rows.where('channel_type', '=', query.channel);
    if (query.subject !== undefined) rows = rows.where('subject', '=', query.subject);
    if (query.sourceKind !== undefined) rows = rows.where('source_kind', '=', query.sourceKind);
    if (query.sourceId !== undefined) rows = rows.where('source_id', '=', query.sourceId);
    if (query.from !== undefined) rows = rows.where('created_at', '>=', query.from);
    if (query.to !== undefined) rows = rows.where('created_at', '<', query.to);
    if (before !== undefined) {
      const [createdAt, id] = before;
      rows = rows.where((where) =>
        where.or([
          where('created_at', '<', createdAt),
          where.and([where('created_at', '=', createdAt), where('id', '<', id)]),
        ]),
      );
    }
    return rows.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  }

  /** Of finished ones only. @returns how many went, with their attempts */
  async removeFinished(transaction: Transaction, finishedBefore: number, limit: number): Promise<number> {
    const old = await transaction
      .selectFrom('deliveries')
      .select('id')
      .where('state', '!=', 'pending')
      .where('finished_at', '<', finishedBefore)
      .limit(limit)
      .execute();
    if (old.length === 0) return 0;
    const ids = old.map(({ id }) => id);
    await transaction.deleteFrom('delivery_attempts').where('delivery_id', 'in', ids).execute();
    await transaction.deleteFrom('deliveries').where('id', 'in', ids).execute();
    return ids.length;
  }
}

const waiting = (db: Connection, { ids, destinations }: Busy) => {
  let query = db.selectFrom('deliveries').where('state', '=', 'pending');
  if (ids.length > 0) query = query.where('id', 'not in', ids);
  if (destinations.length > 0) query = query.where('destination', 'not in', destinations);
  return query;
};
