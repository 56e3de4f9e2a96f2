/**
 * Works the queue off: leases runs, lets models answer them, and settles what is done together with the next lease, one transaction
 * at a time; the next collects meanwhile. Never more than `batchRows` are leased, so no more are computed again after a kill.
 */
import { Injectable } from '@nestjs/common';
import {
  PredictionQueue,
  type LeasedRun,
  type RunOutcome,
  type SettledRun,
  type TurnOutcome,
} from '../ports/prediction-queue.ts';
import { RunAnswers } from './run-answers.service.ts';
import { ModelRuns } from './model-runs.ts';
import { rowsAtOnce } from './rows-at-once.ts';
import { Surroundings } from './surroundings.service.ts';
import { TicketNews } from './ticket-news.service.ts';
import { WakeUp } from './wake-up.ts';

/** Expired tickets are looked for at least so often. */
const IDLE_MS = 1_000;
const RETRY_MS = 1_000;
/** Leased rows of a model for each that its engines have: the next are there when those are done. */
const AHEAD = 2;

interface Held {
  readonly run: LeasedRun;
  leaseUntil: number;
}

@Injectable()
export class PredictionProcessor {
  private readonly queue: PredictionQueue;
  private readonly answers: RunAnswers;
  private readonly news: TicketNews;
  private readonly around: Surroundings;
  private readonly stopping = new AbortController();
  private readonly wakeUp = new WakeUp();
  private readonly models = new Map<string, ModelRuns>();
  /** By run number: leased and not settled. */
  private readonly held = new Map<number, Held>();
  private done: SettledRun[] = [];
  private dueAt: number | null = null;
  private trimmedAt = -Infinity;
  private running: Promise<void> = Promise.resolve();

  constructor(queue: PredictionQueue, answers: RunAnswers, news: TicketNews, around: Surroundings) {
    this.queue = queue;
    this.answers = answers;
    this.news = news;
    this.around = around;
  }

  start(): void {
    this.running = this.work(this.stopping.signal);
  }

  /** What is with the engines is withdrawn and leased again at the next start; what is done is settled. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wakeUp.wake();
    await this.running;
    if (this.done.length > 0) await this.turn(0).catch(() => undefined);
    await this.news.idle();
  }

  /** There is something new. */
  wake(): void {
    this.wakeUp.wake();
  }

  private async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const restMs = await this.step().catch((error: unknown) => {
        this.around.metrics.count('prediction_turn_errors_total');
        this.around.log.error({ err: error }, 'the prediction queue could not go on; it is tried again');
        return RETRY_MS;
      });
      await this.wakeUp.rest(restMs);
    }
  }

  /** @returns milliseconds to rest unless something is done or comes before */
  private async step(): Promise<number> {
    await this.trim();
    this.setLimits();
    const { leased } = await this.turn(this.around.config.batchRows - this.held.size + this.done.length);
    for (const run of leased) this.take(run);
    this.setLimits();
    for (const runs of this.models.values()) this.startNext(runs);
    this.around.metrics.gauge('predictions_leased', this.held.size);
    const due = this.dueAt === null ? IDLE_MS : this.dueAt - this.around.clock.now();
    return Math.min(IDLE_MS, Math.max(1, due));
  }

  private setLimits(): void {
    for (const runs of this.models.values()) runs.limit = this.limitOf(runs);
  }

  private async turn(rows: number): Promise<TurnOutcome> {
    const now = this.around.clock.now();
    const { leaseMs, rowsOfModel } = this.around.config;
    const settled = this.done;
    this.done = [];
    const renewed = [...this.held.values()].filter(({ leaseUntil }) => leaseUntil - now < leaseMs / 2);
    const leaseUntil = now + leaseMs;
    const rooms = [...this.models.values()].map((runs) => ({
      model: runs.model,
      version: runs.version,
      rows: AHEAD * runs.limit - runs.held,
    }));
    try {
      const outcome = await this.queue.turn({
        now,
        settled,
        renewed: renewed.map(({ run }) => ({ runNo: run.runNo, fence: run.fence })),
        leaseUntil,
        rows,
        rowsOfModel: AHEAD * rowsOfModel,
        rooms,
      });
      for (const held of renewed) held.leaseUntil = leaseUntil;
      for (const run of outcome.leased) this.held.set(run.runNo, { run, leaseUntil });
      this.forget(settled);
      this.dueAt = outcome.nextDueAt;
      this.measure(outcome);
      await this.news.tell(outcome.finished, outcome.untold);
      return outcome;
    } catch (error) {
      // Whether it was committed is not known: said again, it is stale or it is new.
      this.done = [...settled, ...this.done];
      throw error;
    }
  }

  /** A run can be leased again in the turn that ended its lease. */
  private forget(settled: readonly SettledRun[]): void {
    for (const { runNo, fence } of settled) {
      if (this.held.get(runNo)?.run.fence === fence) this.held.delete(runNo);
    }
  }

  private measure({ stale, takenBack, open }: TurnOutcome): void {
    const { metrics } = this.around;
    metrics.count('prediction_stale_results_total', stale);
    metrics.count('prediction_leases_ended_total', takenBack);
    metrics.gauge('predictions_open', open);
  }

  private take(run: LeasedRun): void {
    const key = `${run.model} ${run.version}`;
    const runs = this.models.get(key) ?? new ModelRuns(run);
    this.models.set(key, runs);
    runs.add(run);
  }

  private startNext(runs: ModelRuns): void {
    if (this.stopping.signal.aborted) return;
    for (const run of runs.start()) void this.run(runs, run);
  }

  /** Never rejects. */
  private async run(runs: ModelRuns, run: LeasedRun): Promise<void> {
    const outcome: RunOutcome = await this.answers.answer(run, this.stopping.signal);
    runs.done();
    if (this.stopping.signal.aborted && outcome.kind !== 'answered') return;
    this.done.push({ runNo: run.runNo, fence: run.fence, outcome });
    this.startNext(runs);
    this.wakeUp.wake();
  }

  private limitOf(runs: ModelRuns): number {
    const model = this.answers.model(runs);
    return rowsAtOnce({
      singleRowMs: model?.statistics()?.singleRowMs,
      maxQueuedRows: model?.maxQueuedRows ?? Infinity,
      most: this.around.config.rowsOfModel,
    });
  }

  /** One part in every step while there is something to drop. */
  private async trim(): Promise<void> {
    const { clock, config, metrics } = this.around;
    if (clock.monotonic() - this.trimmedAt < config.trimMs) return;
    const dropped = await this.queue.trim(clock.now() - config.retentionMs);
    metrics.count('predictions_trimmed_total', dropped);
    if (dropped === 0) this.trimmedAt = clock.monotonic();
  }
}
