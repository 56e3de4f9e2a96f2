/** Makes backtests: the releases pinned by their digests, the span fixed, the request remembered. */
import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { BacktestCreate } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { Transaction } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import type { BacktestRecord } from './backtest.ts';
import { BacktestOrders } from './backtest-orders.service.ts';
import { BacktestProcessor } from './backtest-processor.service.ts';
import { BacktestsStore } from './backtests.store.ts';
import { Surroundings } from './surroundings.service.ts';

const DAY_MS = 86_400_000;
/** That wait or run. */
const OPEN_AT_MOST = 16;
/** Of those that ended. */
const KEPT = 1_000;

@Injectable()
export class BacktestCreation {
  private readonly store = new BacktestsStore();
  private readonly audit: AuditService;
  private readonly orders: BacktestOrders;
  private readonly processor: BacktestProcessor;
  private readonly around: Surroundings;

  constructor(audit: AuditService, orders: BacktestOrders, processor: BacktestProcessor, around: Surroundings) {
    this.audit = audit;
    this.orders = orders;
    this.processor = processor;
    this.around = around;
  }

  /**
   * The same request with the same key makes one backtest.
   * @throws FleetError BACKTEST_QUEUE_FULL | BACKTEST_AHEAD | IDEMPOTENCY_KEY_REUSED, and as `BacktestOrders`
   */
  async create(actor: Actor, asked: BacktestCreate, idempotencyKey: string | undefined): Promise<BacktestRecord> {
    const { incidents, ...definition } = asked;
    const now = this.around.clock.now();
    const to = definition.until ?? now;
    if (to > now) throw new FleetError('BACKTEST_AHEAD', 'A backtest ends at an instant that has come.');
    const { candidate, champion } = await this.orders.releases(definition);
    const draft: BacktestRecord = {
      backtestId: `b-${randomBytes(8).toString('hex')}`,
      model: definition.model,
      candidate: { version: candidate.version, digest: candidate.digest },
      champion: { version: champion.version, digest: champion.digest },
      from: to - definition.days * DAY_MS,
      to,
      definition,
      state: 'queued',
      attempts: 0,
      error: null,
      figures: null,
      createdAt: now,
      createdBy: actor.principal,
      startedAt: null,
      finishedAt: null,
    };
    const record = await this.audit.change(async (transaction, note) => {
      const labels = incidents === undefined ? null : JSON.stringify(incidents);
      const made = await this.insert(transaction, draft, labels, idempotencyKey ?? null);
      if (made !== draft) return made;
      const subject = `backtest:${draft.backtestId}`;
      await note({ actor, action: 'backtest.created', subject, before: null, after: definition });
      return made;
    });
    this.processor.wake();
    return record;
  }

  private async insert(
    transaction: Transaction,
    draft: BacktestRecord,
    incidents: string | null,
    request: string | null,
  ): Promise<BacktestRecord> {
    const before = request === null ? undefined : await this.store.byRequest(transaction, request);
    if (before !== undefined) {
      const isSame = JSON.stringify(before.record.definition) === JSON.stringify(draft.definition);
      if (isSame && before.incidents === incidents) return before.record;
      throw new FleetError(
        'IDEMPOTENCY_KEY_REUSED',
        `Backtest ${before.record.backtestId} was asked for with this key and is another.`,
      );
    }
    if ((await this.store.countOpen(transaction)) >= OPEN_AT_MOST) {
      throw new FleetError('BACKTEST_QUEUE_FULL', `${OPEN_AT_MOST} backtests wait already; cancel some, or wait.`);
    }
    const number = (await this.store.highestNumber(transaction)) + 1;
    await this.store.insert(transaction, { record: draft, number, incidents, request });
    await this.store.trim(transaction, number - KEPT);
    return draft;
  }
}
