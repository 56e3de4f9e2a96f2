/**
 * Carries the telemetry log into windows of features, from the position that commits with its effects: exactly once, whatever
 * is killed. Work takes a bounded share of the time, so that ingest goes first.
 */
import { Injectable } from '@nestjs/common';
import { paneMsOf } from '@shoal/models';
import type { LogSlot } from '../ports/feature-store.ts';
import { LogColumnsBuilder } from '../ports/log-columns.ts';
import { MessageBus } from '../ports/message-bus.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import type { StreamSlot } from './compiled-view.ts';
import { NOTHING_TO_DO, PacedSteps, REST } from './paced-steps.ts';
import { ViewRegistry } from './view-registry.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Of one step, so that a backlog of single readings is not slow. */
const MOST_COMMITS = 256;
/** A step ends with the commit that reaches this: a commit of many pages keeps a processor and the disk busy for a millisecond or two. */
const RECORDS_PER_STEP = 250;
/** What came meanwhile is one step and one commit, not fifty. */
const LEAST_REST_MS = 50;
const DAY_MS = 86_400_000;
/** Panes are dropped a day after no record may enter them any more. */
const DROP_EVERY_MS = 3_600_000;

@Injectable()
export class LogConsumer {
  private readonly telemetry: TelemetryStore;
  private readonly registry: ViewRegistry;
  private readonly around: Surroundings;
  private readonly bus: MessageBus;
  private readonly steps: PacedSteps;
  private unsubscribe: (() => void) | undefined;
  private droppedAt = 0;

  constructor(telemetry: TelemetryStore, registry: ViewRegistry, around: Surroundings, bus: MessageBus) {
    this.bus = bus;
    this.telemetry = telemetry;
    this.registry = registry;
    this.around = around;
    this.steps = new PacedSteps({
      step: () => this.step(),
      onError: (error) => {
        around.metrics.count('feature_consumer_errors_total');
        around.log.error({ err: error }, 'the log could not be carried into windows; it is tried again');
      },
      idleMs: around.config.consumerIdleMs,
    });
  }

  start(): void {
    this.unsubscribe = this.bus.on('log.appended', () => this.steps.news());
    this.steps.start();
  }

  /** Resolves when what is being carried now is stored; later steps read the log as it is by then. */
  stepEnded(): Promise<void> {
    return this.steps.stepEnded();
  }

  async stop(): Promise<void> {
    await this.steps.stop();
    this.unsubscribe?.();
  }

  /** @returns milliseconds to rest, or NOTHING_TO_DO */
  private async step(): Promise<number> {
    const startedAt = this.around.clock.monotonic();
    const now = this.around.clock.now();
    await this.dropOld(now);
    const streams = this.registry.streams();
    if (streams.length === 0) return NOTHING_TO_DO;
    await this.registry.settle();
    const from = Math.min(...streams.map(({ slotNo }) => this.registry.positionOf(slotNo)));
    // A window that was defined later starts where the others have been long ago: it catches up alone.
    const behind = streams.filter(({ slotNo }) => this.registry.positionOf(slotNo) === from);
    const slots = behind.map(logSlotOf);
    const until = Math.min(
      ...streams.map(({ slotNo }) => this.registry.positionOf(slotNo)).filter((position) => position > from),
    );
    const { lastBatchId, said, records } = await this.telemetry.readLog({
      afterBatchId: from,
      upToBatchId: until,
      commits: MOST_COMMITS,
      records: RECORDS_PER_STEP,
      sources: behind.map(({ source }) => source),
    });
    if (lastBatchId === undefined) {
      // The commits between are gone with their retention.
      if (Number.isFinite(until)) {
        await this.registry.apply({ lastBatchId: until, slots, said: new LogColumnsBuilder().columns(), keptFrom: 0 });
      }
      return NOTHING_TO_DO;
    }
    const { applied, tooLate } = await this.registry.apply({
      lastBatchId,
      slots,
      said,
      keptFrom: now - this.around.config.historyDays * DAY_MS,
    });
    this.around.metrics.count('feature_records_applied_total', applied);
    this.around.metrics.count('feature_records_too_late_total', tooLate);
    this.around.metrics.gauge('feature_log_position', lastBatchId);
    const restMs = REST * (this.around.clock.monotonic() - startedAt);
    return records < RECORDS_PER_STEP ? Math.max(LEAST_REST_MS, restMs) : restMs;
  }

  private async dropOld(now: number): Promise<void> {
    if (now - this.droppedAt < DROP_EVERY_MS) return;
    this.droppedAt = now;
    await this.registry.dropWindowsBefore(now - (this.around.config.historyDays + 1) * DAY_MS);
  }
}

const logSlotOf = ({ viewNo, slotNo, source }: StreamSlot): LogSlot => ({
  viewNo,
  slotNo,
  paneMs: paneMsOf(source),
  panes: source.panes,
});
