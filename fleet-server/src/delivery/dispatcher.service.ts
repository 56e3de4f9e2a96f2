/** Sends what is due: so many at once, so many per destination, each attempt recorded before the next; and clears what is old. */
import { Injectable } from '@nestjs/common';
import { ControlDatabase } from '../db/database.ts';
import { GroupCommit } from '../db/group-commit.ts';
import { ChannelSender } from './channel-sender.service.ts';
import type { AttemptRecord, DueDelivery, Outcome } from './delivery-intent.ts';
import { DeliveryQueue } from './delivery-queue.service.ts';
import { DeliveryStore } from './delivery.store.ts';
import { nextAttemptAt } from './retry-plan.ts';
import { Surroundings } from './surroundings.service.ts';

const RECORDS_PER_COMMIT = 100;
/** Also without news the table is looked at so often: its clock may have stepped. */
const LONGEST_REST_MS = 1_000;
const CLEAR_EVERY_MS = 60_000;
const CLEARED_AT_ONCE = 1_000;
const DAY_MS = 86_400_000;
const MS_PER_SECOND = 1_000;

@Injectable()
export class DeliveryDispatcher {
  private readonly store = new DeliveryStore();
  private readonly records = new GroupCommit<AttemptRecord>((records) => this.record(records), RECORDS_PER_COMMIT);
  private readonly database: ControlDatabase;
  private readonly queue: DeliveryQueue;
  private readonly sender: ChannelSender;
  private readonly around: Surroundings;
  /** On its way, by id. */
  private readonly flying = new Map<string, { readonly destination: string; readonly done: Promise<void> }>();
  private running: Promise<void> = Promise.resolve();
  private unsubscribe: (() => void) | undefined;
  private stopped = false;
  private wake: () => void = () => {};
  private isWoken = false;
  private clearedAt = -Infinity;

  constructor(database: ControlDatabase, queue: DeliveryQueue, sender: ChannelSender, around: Surroundings) {
    this.database = database;
    this.queue = queue;
    this.sender = sender;
    this.around = around;
  }

  start(): void {
    this.unsubscribe = this.queue.onNew(() => this.stir());
    this.running = this.run();
  }

  /** Attempts that run end within their time limit; the others are sent after the next start. */
  async stop(): Promise<void> {
    this.unsubscribe?.();
    this.stopped = true;
    this.stir();
    await this.running;
    await Promise.all([...this.flying.values()].map(({ done }) => done));
  }

  private stir(): void {
    this.isWoken = true;
    this.wake();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.isWoken = false;
      const restMs = await this.launchDue().catch((error: unknown) => {
        this.around.metrics.count('delivery_errors_total');
        this.around.log.error({ err: error }, 'deliveries could not be read; it is tried again');
        return LONGEST_REST_MS;
      });
      await this.rest(restMs);
    }
  }

  private async rest(ms: number): Promise<void> {
    if (this.isWoken || this.stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }

  /** @returns milliseconds until there is something to look at again */
  private async launchDue(): Promise<number> {
    await this.clear();
    const { concurrency } = this.around.options.delivery;
    const free = concurrency - this.flying.size;
    // Whatever lands stirs.
    if (free <= 0) return LONGEST_REST_MS;
    const now = this.around.clock.now();
    const busy = { ids: [...this.flying.keys()], destinations: this.saturated() };
    const due = await this.store.due(this.database, now, free, busy);
    const launched = due.filter((delivery) => this.mayLaunch(delivery));
    for (const delivery of launched) this.launch(delivery);
    if (launched.length > 0) return 0;
    const next = await this.store.nextDueAt(this.database, busy);
    return Math.min(LONGEST_REST_MS, Math.max(1, (next ?? Number.POSITIVE_INFINITY) - now));
  }

  private countOf(destination: string): number {
    return [...this.flying.values()].filter((flight) => flight.destination === destination).length;
  }

  private mayLaunch({ destination }: DueDelivery): boolean {
    return this.countOf(destination) < this.around.options.delivery.perDestination;
  }

  private saturated(): string[] {
    const { perDestination } = this.around.options.delivery;
    const destinations = new Set([...this.flying.values()].map(({ destination }) => destination));
    return [...destinations].filter((destination) => this.countOf(destination) >= perDestination);
  }

  private launch(delivery: DueDelivery): void {
    const done = this.fly(delivery)
      .catch((error: unknown) => {
        // It stays pending and is attempted again: the receiver tells it by its id.
        this.around.metrics.count('delivery_errors_total');
        this.around.log.error({ err: error, delivery: delivery.id }, 'an attempt could not be recorded');
      })
      .finally(() => {
        this.flying.delete(delivery.id);
        this.stir();
      });
    this.flying.set(delivery.id, { destination: delivery.destination, done });
  }

  private async fly(delivery: DueDelivery): Promise<void> {
    const { clock, metrics } = this.around;
    const [at, startedAt] = [clock.now(), clock.monotonic()];
    const outcome = await this.sender.attempt(delivery);
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const next = this.nextAttempt(delivery, outcome, at + durationMs);
    const state = outcome.kind === 'delivered' ? 'delivered' : next === null ? 'failed' : 'pending';
    await this.records.submit({ delivery, at, durationMs, outcome, state, nextAttemptAt: next });
    const channel = delivery.channel.type;
    metrics.count('delivery_attempts_total', 1, { channel, outcome: outcome.kind });
    metrics.observe('delivery_attempt_seconds', durationMs / MS_PER_SECOND);
    if (outcome.kind === 'failed') {
      const { code, message } = outcome.fault;
      this.around.log.warn({ delivery: delivery.id, state, code }, `not delivered: ${message}`);
    }
    if (state === 'pending') return;
    metrics.count('deliveries_finished_total', 1, { channel, state });
    this.queue.settled();
  }

  private nextAttempt(delivery: DueDelivery, outcome: Outcome, now: number): number | null {
    if (outcome.kind === 'delivered' || outcome.isFinal) return null;
    const { roundAttempts, roundStartedAt } = delivery;
    const { retryAfterMs } = outcome;
    const tried = { attempts: roundAttempts + 1, roundStartedAt, now, retryAfterMs, random: Math.random() };
    return nextAttemptAt(tried, this.around.options.delivery);
  }

  private async record(records: readonly AttemptRecord[]): Promise<void> {
    await this.database.transaction().execute(async (transaction) => {
      for (const record of records) await this.store.record(transaction, record);
    });
  }

  private async clear(): Promise<void> {
    const { clock, options, metrics } = this.around;
    if (clock.monotonic() - this.clearedAt < CLEAR_EVERY_MS) return;
    const before = clock.now() - options.delivery.keepDays * DAY_MS;
    const cleared = await this.database
      .transaction()
      .execute((transaction) => this.store.removeFinished(transaction, before, CLEARED_AT_ONCE));
    if (cleared > 0) metrics.count('deliveries_expired_total', cleared);
    if (cleared < CLEARED_AT_ONCE) this.clearedAt = clock.monotonic();
  }
}
