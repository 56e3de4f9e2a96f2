/**
 * Keeps the streams going: lets the store read on in the log while there is something, and looks at the clock when there is
 * not. The work is in the store's thread; here is only the pace.
 */
import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { MessageBus } from '../ports/message-bus.ts';
import { WindowStore, type DeviceLabels, type WindowStep } from '../ports/window-store.ts';
import { Surroundings } from './surroundings.service.ts';
import { WindowPublisher } from './window-publisher.service.ts';

const RETRY_MS = 1_000;
/** After a full step the thread rests for this share of the time it worked, so that ingest goes first. */
const REST = 0.1;
const MS_PER_SECOND = 1_000;

@Injectable()
export class StreamConsumer {
  private readonly windows: WindowStore;
  private readonly publisher: WindowPublisher;
  private readonly bus: MessageBus;
  private readonly around: Surroundings;
  private readonly stopping = new AbortController();
  private readonly relabelled = new Map<string, DeviceLabels>();
  private running: Promise<void> = Promise.resolve();
  private unsubscribe: (() => void) | undefined;
  private trimmedAt = -Infinity;

  constructor(windows: WindowStore, publisher: WindowPublisher, bus: MessageBus, around: Surroundings) {
    this.windows = windows;
    this.publisher = publisher;
    this.bus = bus;
    this.around = around;
  }

  start(): void {
    this.unsubscribe = this.bus.on('device.changed', ({ device: { deviceId, labels } }) => {
      this.relabelled.set(deviceId, { deviceId, labels });
    });
    this.running = this.run(this.stopping.signal);
  }

  async stop(): Promise<void> {
    this.unsubscribe?.();
    this.stopping.abort();
    await this.running;
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const restMs = await this.step().catch((error: unknown) => {
        this.around.metrics.count('window_consumer_errors_total');
        this.around.log.error({ err: error }, 'the streams could not go on; it is tried again');
        return RETRY_MS;
      });
      await setTimeout(restMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns milliseconds to rest */
  private async step(): Promise<number> {
    const now = this.around.clock.now();
    if (this.relabelled.size > 0) {
      const devices = [...this.relabelled.values()];
      this.relabelled.clear();
      await this.windows.setLabels(devices);
    }
    await this.trim(now);
    const step = await this.windows.step(now);
    this.measure(step);
    await this.publisher.follow(step.lastChange);
    return step.isCaughtUp ? this.around.config.idleMs : REST * step.seconds * MS_PER_SECOND;
  }

  private measure(step: WindowStep): void {
    const { metrics } = this.around;
    metrics.count('window_records_total', step.records);
    metrics.count('window_publications_total', step.published);
    metrics.count('window_records_late_total', step.late);
    metrics.count('window_records_rolled_up_total', step.rolledUp);
    metrics.count('window_records_expired_total', step.expired);
    metrics.gauge('window_open', step.openWindows);
    metrics.gauge('window_log_position', step.position);
    if (step.records > 0) metrics.observe('window_step_seconds', step.seconds);
  }

  /** One part in every step while there is something to drop. */
  private async trim(now: number): Promise<void> {
    if (this.around.clock.monotonic() - this.trimmedAt < this.around.config.trimMs) return;
    const dropped = await this.windows.trim(now);
    if (dropped === 0) this.trimmedAt = this.around.clock.monotonic();
  }
}
