/** Deliveries as others see them: hand them over, look at how they went, send them again. */
import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Delivery, DeliveryChannel, DeliveryDetail, DeliveryQuery, DeliveryState, Page } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { ControlDatabase, type DeliveryRow } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import type { DeliveryIntent } from './delivery-intent.ts';
import { DeliveryQueue } from './delivery-queue.service.ts';
import { DeliveryStore, type ListedRow } from './delivery.store.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class DeliveryService {
  private readonly store = new DeliveryStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly queue: DeliveryQueue;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, queue: DeliveryQueue, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.queue = queue;
    this.around = around;
  }

  /**
   * Resolves when they are durable; from then on they are sent, whatever is killed. Handing the same id again changes nothing,
   * so whoever has to tell something keeps it until this resolves. What cannot be sent (a body over the bound, an address
   * that is refused) is no error here: it ends in the log as failed.
   * @throws FleetError DELIVERY_QUEUE_FULL | DATABASE_UNAVAILABLE, retryable; some of them may have been taken
   */
  hand(intents: readonly DeliveryIntent[]): Promise<void> {
    return this.queue.hand(intents);
  }

  /** Something that says it is a test. With an Idempotency-Key it is sent once. @throws FleetError DELIVERY_QUEUE_FULL */
  async test(actor: Actor, channel: DeliveryChannel, idempotencyKey: string | undefined): Promise<Delivery> {
    const mark = createHash('sha256')
      .update(idempotencyKey ?? randomUUID())
      .digest('hex')
      .slice(0, 32);
    const id = `test-${mark}`;
    const text = 'Somebody wants to see whether messages of this fleet arrive here. There is nothing to do.';
    const body = { type: 'delivery.test', title: 'A test message', text, data: { by: actor.principal } };
    await this.hand([{ id, channel, subject: 'delivery.test', body, source: { kind: 'test', id: actor.principal } }]);
    return asDelivery(required(await this.store.find(this.database, id), id));
  }

  /** Newest first. */
  async list(query: Partial<DeliveryQuery>, limit: number, cursor: string | undefined): Promise<Page<Delivery>> {
    const before =
      cursor === undefined ? undefined : (decodeCursor(cursor, ['number', 'string']) as readonly [number, string]);
    const rows = await this.store.page(this.database, query, limit + 1, before);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const nextCursor = rows.length > limit && last !== undefined ? encodeCursor([last.created_at, last.id]) : null;
    return { items: shown.map(asDelivery), nextCursor };
  }

  /** @throws FleetError DELIVERY_NOT_FOUND */
  async show(id: string): Promise<DeliveryDetail> {
    const row = required(await this.store.find(this.database, id), id);
    const body = JSON.parse(row.body) as DeliveryDetail['body'];
    return { ...asDelivery(row), body, history: await this.store.attempts(this.database, id) };
  }

  /** A new round under the same id, whatever came of it before. @throws FleetError DELIVERY_NOT_FOUND | DELIVERY_BODY_TOO_LARGE */
  async sendAgain(actor: Actor, id: string, note: string): Promise<Delivery> {
    const now = this.around.clock.now();
    const before = await this.audit.change(async (transaction, record) => {
      const row = required(await this.store.find(transaction, id), id);
      if (row.error_code === 'DELIVERY_BODY_TOO_LARGE') {
        throw new FleetError('DELIVERY_BODY_TOO_LARGE', `Of ${id} there is no body that could be sent.`);
      }
      await this.store.sendAgain(transaction, id, now);
      const subject = `delivery:${id}`;
      await record({ actor, action: 'delivery.sent-again', subject, before: { state: row.state }, after: { note } });
      return row;
    });
    this.queue.reopened({ wasSettled: before.state !== 'pending' });
    return asDelivery(required(await this.store.find(this.database, id), id));
  }
}

const required = <T>(row: T | undefined, id: string): T => {
  if (row !== undefined) return row;
  throw new FleetError('DELIVERY_NOT_FOUND', `No delivery "${id}". List them with GET /api/deliveries.`);
};

const asDelivery = (row: ListedRow | DeliveryRow): Delivery => ({
  id: row.id,
  channel: JSON.parse(row.channel) as DeliveryChannel,
  subject: row.subject,
  source: { kind: row.source_kind, id: row.source_id },
  state: row.state as DeliveryState,
  createdAt: row.created_at,
  attempts: row.attempts,
  nextAttemptAt: row.next_attempt_at,
  finishedAt: row.finished_at,
  lastError: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
});
