/** Takes deliveries: stored in group commits before anything is sent, within the bound of what may wait. */
import { Injectable } from '@nestjs/common';
import { ControlDatabase, type DeliveryRow } from '../db/database.ts';
import { GroupCommit } from '../db/group-commit.ts';
import { FleetError } from '../errors.ts';
import { destinationOf, type DeliveryIntent } from './delivery-intent.ts';
import { DeliveryStore } from './delivery.store.ts';
import { Surroundings } from './surroundings.service.ts';

const ROWS_PER_COMMIT = 200;

@Injectable()
export class DeliveryQueue {
  private readonly store = new DeliveryStore();
  private readonly commits = new GroupCommit<DeliveryRow>((rows) => this.commit(rows), ROWS_PER_COMMIT);
  private readonly database: ControlDatabase;
  private readonly around: Surroundings;
  private readonly listeners = new Set<() => void>();
  private pending = 0;

  constructor(database: ControlDatabase, around: Surroundings) {
    this.database = database;
    this.around = around;
  }

  async start(): Promise<void> {
    this.pending = await this.store.pendingCount(this.database);
    this.measure(0);
  }

  /** Resolves when all are durable. @throws FleetError DELIVERY_QUEUE_FULL | DATABASE_UNAVAILABLE */
  async hand(intents: readonly DeliveryIntent[]): Promise<void> {
    const { maxPending } = this.around.options.delivery;
    if (this.pending + intents.length > maxPending) {
      this.around.metrics.count('deliveries_refused_total', intents.length);
      throw new FleetError('DELIVERY_QUEUE_FULL', `${this.pending} deliveries wait, and ${maxPending} may.`);
    }
    await Promise.all(intents.map((intent) => this.commits.submit(this.rowOf(intent))));
  }

  /** Called whenever there may be something new to send. @returns the unsubscription */
  onNew(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** One was delivered or given up. */
  settled(): void {
    this.measure(-1);
  }

  /** One is to be sent again. */
  reopened({ wasSettled }: { readonly wasSettled: boolean }): void {
    this.measure(wasSettled ? 1 : 0);
    for (const listener of this.listeners) listener();
  }

  private measure(more: number): void {
    this.pending += more;
    this.around.metrics.gauge('deliveries_pending', this.pending);
  }

  private rowOf({ id, channel, subject, body, source }: DeliveryIntent): DeliveryRow {
    const now = this.around.clock.now();
    const text = JSON.stringify(body);
    const isTooLarge = Buffer.byteLength(text) > this.around.options.delivery.bodyBytes;
    if (isTooLarge) this.around.metrics.count('deliveries_oversized_total');
    return {
      id,
      channel_type: channel.type,
      channel: JSON.stringify(channel),
      destination: destinationOf(channel),
      subject,
      source_kind: source.kind,
      source_id: source.id,
      body: isTooLarge ? 'null' : text,
      state: isTooLarge ? 'failed' : 'pending',
      created_at: now,
      round_started_at: now,
      attempts: 0,
      round_attempts: 0,
      next_attempt_at: isTooLarge ? null : now,
      finished_at: isTooLarge ? now : null,
      error_code: isTooLarge ? 'DELIVERY_BODY_TOO_LARGE' : null,
      error_message: isTooLarge
        ? `The body has ${Buffer.byteLength(text)} bytes; delivery.bodyBytes allows ${this.around.options.delivery.bodyBytes}.`
        : null,
    };
  }

  private async commit(rows: readonly DeliveryRow[]): Promise<void> {
    // The first of an id counts, also in one commit.
    const distinct = [...new Map(rows.toReversed().map((row) => [row.id, row])).values()].toReversed();
    const added = new Set(
      await this.database.transaction().execute((transaction) => this.store.insert(transaction, distinct)),
    );
    const fresh = distinct.filter(({ id }) => added.has(id));
    const { metrics } = this.around;
    for (const { channel_type: channel } of fresh) metrics.count('deliveries_handed_total', 1, { channel });
    if (rows.length > fresh.length) metrics.count('deliveries_repeated_total', rows.length - fresh.length);
    this.measure(fresh.filter(({ state }) => state === 'pending').length);
    if (fresh.length > 0) for (const listener of this.listeners) listener();
  }
}
