/**
 * Carries the telemetry log into windows of features, from the position that commits with its effects: exactly once, whatever
 * is killed. Work takes a bounded share of the time, so that ingest goes first.
 */
import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { MessageBus } from '../ports/message-bus.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import { pointsOf } from './log-points.ts';
import { ViewRegistry } from './view-registry.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Of one step, so that a backlog of single readings is not slow. */
const MOST_COMMITS = 256;
/** A step ends with the commit that reaches this: what is handed on stays far below the event-loop budget. */
const RECORDS_PER_STEP = 1_000;
/** After a step the consumer rests so many times as long as it worked. */
const REST = 2;
const RETRY_MS = 1_000;
const NOTHING_TO_DO = -1;
const DAY_MS = 86_400_000;
/** Panes are dropped a day after no record may enter them any more. */
const DROP_EVERY_MS = 3_600_000;

@Injectable()
export class LogConsumer {
  private readonly telemetry: TelemetryStore;
  private readonly registry: ViewRegistry;
  private readonly stopping = new AbortController();
  private readonly around: Surroundings;
  private readonly bus: MessageBus;
  private running: Promise<void> = Promise.resolve();
  private stepping: Promise<unknown> = Promise.resolve();
  /** Ends the wait for something to do. */
  private wake: AbortController | undefined;
  private hasNews = false;
  private droppedAt = 0;

  constructor(telemetry: TelemetryStore, registry: ViewRegistry, around: Surroundings, bus: MessageBus) {
    this.bus = bus;
    this.telemetry = telemetry;
    this.registry = registry;
    this.around = around;
  }

  start(): void {
    const off = this.bus.on('log.appended', () => {
      this.hasNews = true;
      this.wake?.abort();
    });
    this.running = this.run(this.stopping.signal).finally(off);
  }

  /** Resolves when what is being carried now is stored; later steps read the log as it is by then. */
  async stepEnded(): Promise<void> {
    await this.stepping;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.hasNews = false;
      const step = this.step().catch((error: unknown) => {
        this.around.metrics.count('feature_consumer_errors_total');
        this.around.log.error({ err: error }, 'the log could not be carried into windows; it is tried again');
        return RETRY_MS;
      });
      this.stepping = step;
      const restMs = await step;
      await (restMs === NOTHING_TO_DO ? this.untilNews(signal) : this.rest(restMs, signal));
    }
  }

  /** A commit ends the wait; looking now and then is for what the bus does not tell, such as a view that was defined. */
  private async untilNews(signal: AbortSignal): Promise<void> {
    if (this.hasNews) return;
    this.wake = new AbortController();
    await this.rest(this.around.config.consumerIdleMs, AbortSignal.any([signal, this.wake.signal]));
    this.wake = undefined;
  }

  private async rest(ms: number, signal: AbortSignal): Promise<void> {
    await setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined);
  }

  /** @returns milliseconds to rest, or NOTHING_TO_DO */
  private async step(): Promise<number> {
    const startedAt = this.around.clock.monotonic();
    const now = this.around.clock.now();
    await this.dropOld(now);
    const streams = this.registry.streams();
    if (streams.length === 0) return NOTHING_TO_DO;
    const from = Math.min(...streams.map(({ slotNo }) => this.registry.positionOf(slotNo)));
    // A window that was defined later starts where the others have been long ago: it catches up alone.
    const behind = streams.filter(({ slotNo }) => this.registry.positionOf(slotNo) === from);
    const slotNos = behind.map(({ slotNo }) => slotNo);
    const until = Math.min(
      ...streams.map(({ slotNo }) => this.registry.positionOf(slotNo)).filter((position) => position > from),
    );
    const { lastBatchId, said } = await this.telemetry.readLog({
      afterBatchId: from,
      upToBatchId: until,
      commits: MOST_COMMITS,
      records: RECORDS_PER_STEP,
      sources: behind.map(({ source }) => source),
    });
    if (lastBatchId === undefined) {
      // The commits between are gone with their retention.
      if (Number.isFinite(until)) await this.registry.apply({ lastBatchId: until, slotNos, points: [], keptFrom: 0 });
      return NOTHING_TO_DO;
    }
    const { applied, tooLate } = await this.registry.apply({
      lastBatchId,
      slotNos,
      points: said.flatMap((values) => pointsOf(values, behind)),
      keptFrom: now - this.around.config.historyDays * DAY_MS,
    });
    this.around.metrics.count('feature_records_applied_total', applied);
    this.around.metrics.count('feature_records_too_late_total', tooLate);
    this.around.metrics.gauge('feature_log_position', lastBatchId);
    return REST * (this.around.clock.monotonic() - startedAt);
  }

  private async dropOld(now: number): Promise<void> {
    if (now - this.droppedAt < DROP_EVERY_MS) return;
    this.droppedAt = now;
    await this.registry.dropPanesBefore(now - (this.around.config.historyDays + 1) * DAY_MS);
  }
}
