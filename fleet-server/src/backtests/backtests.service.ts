/** Backtests for people and programs: asked for, looked at, given up. */
import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Backtest, BacktestCreate, Page } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { ControlDatabase, type Transaction } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import type { BacktestPlot } from '../ports/backtest-runner.ts';
import { canceled, isOpen, type BacktestRecord } from './backtest.ts';
import { BacktestOrders } from './backtest-orders.service.ts';
import { BacktestProcessor } from './backtest-processor.service.ts';
import { BacktestsStore, type BacktestFilter } from './backtests.store.ts';
import { Surroundings } from './surroundings.service.ts';

const DAY_MS = 86_400_000;
/** That wait or run. */
const OPEN_AT_MOST = 16;
/** Of those that ended. */
const KEPT = 1_000;

@Injectable()
export class Backtests {
  private readonly store = new BacktestsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly orders: BacktestOrders;
  private readonly processor: BacktestProcessor;
  private readonly around: Surroundings;

  constructor(
    database: ControlDatabase,
    audit: AuditService,
    orders: BacktestOrders,
    processor: BacktestProcessor,
    around: Surroundings,
  ) {
    this.database = database;
    this.audit = audit;
    this.orders = orders;
    this.processor = processor;
    this.around = around;
  }

  /**
   * The same request with the same key makes one backtest.
   * @throws FleetError BACKTEST_QUEUE_FULL | BACKTEST_AHEAD | IDEMPOTENCY_KEY_REUSED, and as `BacktestOrders`
   */
  async create(actor: Actor, asked: BacktestCreate, idempotencyKey: string | undefined): Promise<Backtest> {
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
    return this.document(record);
  }

  /** @throws FleetError BACKTEST_NOT_FOUND */
  async show(backtestId: string): Promise<Backtest> {
    return this.document(await this.stored(backtestId));
  }

  /** Newest first. */
  async list(filter: BacktestFilter, limit: number, cursor: string | undefined): Promise<Page<Backtest>> {
    const before = cursor === undefined ? undefined : Number(decodeCursor(cursor, ['number'])[0]);
    const rows = await this.store.page(this.database, filter, before, limit + 1);
    const kept = rows.slice(0, limit);
    const last = kept.at(-1);
    const items: Backtest[] = [];
    for (const { record } of kept) items.push(await this.document(record));
    return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.number]) : null };
  }

  /** @throws FleetError BACKTEST_NOT_FOUND */
  async report(backtestId: string): Promise<{ readonly backtest: Backtest; readonly plots: readonly BacktestPlot[] }> {
    return { backtest: await this.show(backtestId), plots: await this.store.plots(this.database, backtestId) };
  }

  /** What is canceled stays so. @throws FleetError BACKTEST_NOT_FOUND | BACKTEST_STATE */
  async cancel(actor: Actor, backtestId: string): Promise<Backtest> {
    const record = await this.stored(backtestId);
    if (record.state === 'canceled') return this.document(record);
    const after = canceled(record, this.around.clock.now());
    const isDone =
      isOpen(record) &&
      (await this.audit.change(async (transaction, note) => {
        if (!(await this.store.update(transaction, after, record.state))) return false;
        const subject = `backtest:${backtestId}`;
        const states = { before: { state: record.state }, after: { state: after.state } };
        await note({ actor, action: 'backtest.canceled', subject, ...states });
        return true;
      }));
    if (!isDone) {
      const { state } = await this.stored(backtestId);
      throw new FleetError(
        'BACKTEST_STATE',
        `Backtest ${backtestId} is ${state}; only what has not ended is given up.`,
      );
    }
    await this.processor.abandon(backtestId);
    return this.document(after);
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

  private async stored(backtestId: string): Promise<BacktestRecord> {
    const record = await this.store.find(this.database, backtestId);
    if (record !== undefined) return record;
    throw new FleetError('BACKTEST_NOT_FOUND', `No backtest "${backtestId}". List them with GET /api/backtests.`);
  }

  private async document(record: BacktestRecord): Promise<Backtest> {
    return { ...record, progress: await this.processor.progress(record) };
  }
}
