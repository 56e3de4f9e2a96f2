/**
 * Keeps the rules going: lets the store read on while there is something, hands on what is to be told, and publishes what
 * changed. The work is in the store's thread; here is only the pace.
 */
import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AlertStore, type AlertStep } from '../ports/alert-store.ts';
import { AlertTeller } from './alert-teller.service.ts';
import { Surroundings } from './surroundings.service.ts';
import { WatchedDevices } from './watched-devices.service.ts';

const RETRY_MS = 1_000;
/** After a full step the thread rests for this share of the time it worked, so that ingest goes first. */
const REST = 0.1;
const MS_PER_SECOND = 1_000;
const TRIM_EVERY_MS = 60_000;
const DAY_MS = 86_400_000;

@Injectable()
export class AlertConsumer {
  private readonly store: AlertStore;
  private readonly teller: AlertTeller;
  private readonly devices: WatchedDevices;
  private readonly around: Surroundings;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private trimmedAt = -Infinity;

  constructor(store: AlertStore, teller: AlertTeller, devices: WatchedDevices, around: Surroundings) {
    this.store = store;
    this.teller = teller;
    this.devices = devices;
    this.around = around;
  }

  start(): void {
    this.running = this.run(this.stopping.signal);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const restMs = await this.step().catch((error: unknown) => {
        this.around.metrics.count('alert_consumer_errors_total');
        this.around.log.error({ err: error }, 'the rules of alerts could not go on; it is tried again');
        return RETRY_MS;
      });
      await setTimeout(restMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns milliseconds to rest */
  private async step(): Promise<number> {
    await this.devices.tell();
    await this.trim();
    const step = await this.store.step(this.around.clock.now());
    this.measure(step);
    await this.teller.tell(step);
    return step.isCaughtUp ? this.around.config.idleMs : REST * step.seconds * MS_PER_SECOND;
  }

  private measure(step: AlertStep): void {
    const { metrics } = this.around;
    metrics.count('alert_records_total', step.records);
    metrics.count('alert_windows_total', step.windows);
    metrics.count('alerts_fired_total', step.fired);
    metrics.count('alerts_resolved_total', step.resolved);
    metrics.count('alert_samples_late_total', step.late);
    metrics.count('alert_samples_historical_total', step.historical);
    metrics.gauge('alerts_firing', step.firing);
    metrics.gauge('alert_intents_waiting', step.intents);
    metrics.gauge('alert_log_position', step.position);
    if (step.records > 0) metrics.observe('alert_step_seconds', step.seconds);
  }

  private async trim(): Promise<void> {
    const { clock, config, metrics } = this.around;
    if (clock.monotonic() - this.trimmedAt < TRIM_EVERY_MS) return;
    const dropped = await this.store.trim(clock.now() - config.keepDays * DAY_MS);
    if (dropped > 0) metrics.count('alerts_expired_total', dropped);
    else this.trimmedAt = clock.monotonic();
  }
}
