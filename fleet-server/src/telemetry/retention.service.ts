/** Drops receipt days that are older than the retention, at the start and then on an interval. */
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../platform.module.ts';
import { Clock } from '../ports/clock.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';

export const RETENTION_CHECK_MS = Symbol('retentionCheckMs');

@Injectable()
export class RetentionService {
  private readonly telemetry: TelemetryStore;
  private readonly clock: Clock;
  private readonly log: Logger;
  private readonly checkMs: number;
  private timer: NodeJS.Timeout | undefined;
  constructor(
    telemetry: TelemetryStore,
    clock: Clock,
    @Inject(LOGGER) log: Logger,
    @Inject(RETENTION_CHECK_MS) checkMs: number,
  ) {
    this.telemetry = telemetry;
    this.clock = clock;
    this.log = log;
    this.checkMs = checkMs;
  }

  start(): void {
    void this.dropExpired();
    this.timer = setInterval(() => void this.dropExpired(), this.checkMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async dropExpired(): Promise<void> {
    try {
      const days = await this.telemetry.dropExpired(this.clock.now());
      if (days.length > 0) this.log.info({ days }, 'receipt days past their retention were dropped');
    } catch (error) {
      this.log.error({ err: error }, 'expired days could not be dropped; the next look tries again');
    }
  }
}
