/** Works backtests off, one after the other, the one that waits longest first; none is left running that nobody runs. */
import { Injectable } from '@nestjs/common';
import { isModelError } from '@shoal/models';
import type { Backtest } from '@shoal/protocol';
import { ControlDatabase } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { BacktestRunner, type BacktestEnd, type BacktestPlot } from '../ports/backtest-runner.ts';
import { WakeUp } from '../predictions/wake-up.ts';
import { begun, failed, finished, interrupted, type BacktestRecord } from './backtest.ts';
import { BacktestOrders } from './backtest-orders.service.ts';
import { BacktestsStore } from './backtests.store.ts';
import { Surroundings } from './surroundings.service.ts';

const IDLE_MS = 60_000;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
const NOTHING: Backtest['progress'] = { entities: 0, expected: null, rows: 0 };

@Injectable()
export class BacktestProcessor {
  private readonly store = new BacktestsStore();
  private readonly database: ControlDatabase;
  private readonly runner: BacktestRunner;
  private readonly orders: BacktestOrders;
  private readonly around: Surroundings;
  private readonly due = new WakeUp();
  private working: Promise<void> = Promise.resolve();
  private current: string | undefined;
  private abandoned: string | undefined;
  private isStopping = false;

  constructor(database: ControlDatabase, runner: BacktestRunner, orders: BacktestOrders, around: Surroundings) {
    this.database = database;
    this.runner = runner;
    this.orders = orders;
    this.around = around;
  }

  start(): void {
    this.working = this.work();
  }

  /** What runs ends soon, and is begun anew at the next start. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.due.wake();
    await this.runner.stop();
    await this.working;
  }

  wake(): void {
    this.due.wake();
  }

  /** Ends it if it runs now; it was marked as canceled before. */
  async abandon(backtestId: string): Promise<void> {
    if (this.current !== backtestId) return;
    this.abandoned = backtestId;
    await this.runner.stop();
  }

  async progress({ backtestId, figures }: BacktestRecord): Promise<Backtest['progress']> {
    if (figures !== null) return { entities: figures.entities, expected: figures.entities, rows: figures.rows };
    return (this.current === backtestId ? await this.runner.progress() : undefined) ?? NOTHING;
  }

  private async work(): Promise<void> {
    let [failures, isSwept] = [0, false];
    while (!this.isStopping) {
      try {
        if (!isSwept) await this.sweep();
        isSwept = true;
        const record = await this.store.next(this.database);
        if (record === undefined) await this.due.rest(IDLE_MS);
        else await this.process(record);
        failures = 0;
      } catch (error) {
        this.around.metrics.count('backtest_errors_total');
        this.around.log.error({ err: error }, 'a backtest could not be worked on; it is tried again');
        await this.due.rest(Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** failures));
        failures += 1;
      }
    }
  }

  /** What a server that is gone was at. */
  private async sweep(): Promise<void> {
    for (const record of await this.store.running(this.database)) {
      await this.store.update(this.database, interrupted(record, this.around.clock.now()), 'running');
    }
  }

  private async process(waiting: BacktestRecord): Promise<void> {
    const { clock, metrics, log } = this.around;
    const record = begun(waiting, clock.now());
    if (!(await this.store.update(this.database, record, 'queued'))) return;
    const { backtestId, attempts } = record;
    log.info({ backtest: backtestId, attempts }, 'a backtest begins');
    this.current = backtestId;
    try {
      const end = await this.execute(record);
      const { after, plots } = outcome(record, end, clock.now());
      // What was canceled meanwhile stays so.
      const isKept = await this.store.update(this.database, after, 'running', plots);
      const state = isKept ? after.state : 'canceled';
      metrics.count('backtests_total', 1, { state });
      log.info({ backtest: backtestId, state, error: after.error?.code }, 'a backtest ends');
    } finally {
      this.current = undefined;
    }
  }

  /** Faults of the order end it; what may pass has it begun anew, as often as a backtest is begun. */
  private async execute(record: BacktestRecord): Promise<BacktestEnd> {
    try {
      const incidents = await this.store.incidents(this.database, record.backtestId);
      const order = await this.orders.order(record, incidents);
      // Who said so before there was a run stopped nothing.
      if (this.isStopping || this.abandoned === record.backtestId) return { kind: 'stopped' };
      return await this.runner.run(order);
    } catch (error) {
      if (this.isStopping) return { kind: 'stopped' };
      this.around.log.error({ err: error, backtest: record.backtestId }, 'a backtest failed');
      if (error instanceof FleetError && error.retryable) return { kind: 'stopped' };
      if (error instanceof FleetError || isModelError(error))
        return { kind: 'failed', code: error.code, message: error.message };
      return { kind: 'failed', code: 'INTERNAL', message: String(error) };
    }
  }
}

const outcome = (
  record: BacktestRecord,
  end: BacktestEnd,
  now: number,
): { readonly after: BacktestRecord; readonly plots?: readonly BacktestPlot[] } => {
  if (end.kind === 'finished') return { after: finished(record, now, end.figures), plots: end.plots };
  if (end.kind === 'stopped') return { after: interrupted(record, now) };
  return { after: failed(record, now, { code: end.code, message: end.message.slice(0, 512) }) };
};
