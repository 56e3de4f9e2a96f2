/** Backtests for people and programs: looked at, and given up. */
import { Injectable } from '@nestjs/common';
import type { Backtest, Page } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { ControlDatabase } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import type { BacktestPlot } from '../ports/backtest-runner.ts';
import { canceled, isOpen, type BacktestRecord } from './backtest.ts';
import { BacktestProcessor } from './backtest-processor.service.ts';
import { BacktestsStore, type BacktestFilter } from './backtests.store.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class Backtests {
  private readonly store = new BacktestsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly processor: BacktestProcessor;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, processor: BacktestProcessor, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.processor = processor;
    this.around = around;
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
  async cancel(actor: Actor, backtestId: string, note: string): Promise<Backtest> {
    const record = await this.stored(backtestId);
    if (record.state === 'canceled') return this.document(record);
    const after = canceled(record, this.around.clock.now());
    const isDone =
      isOpen(record) &&
      (await this.audit.change(async (transaction, write) => {
        if (!(await this.store.update(transaction, after, record.state))) return false;
        const subject = `backtest:${backtestId}`;
        const states = { before: { state: record.state }, after: { state: after.state, note } };
        await write({ actor, action: 'backtest.canceled', subject, ...states });
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

  private async stored(backtestId: string): Promise<BacktestRecord> {
    const record = await this.store.find(this.database, backtestId);
    if (record !== undefined) return record;
    throw new FleetError('BACKTEST_NOT_FOUND', `No backtest "${backtestId}". List them with GET /api/backtests.`);
  }

  private async document(record: BacktestRecord): Promise<Backtest> {
    return { ...record, progress: await this.processor.progress(record) };
  }
}
