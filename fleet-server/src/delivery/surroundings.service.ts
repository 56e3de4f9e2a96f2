/** What every part of this capability needs besides its own: clock, metrics, log and the slices of configuration. */
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { DeliveryConfig, SmtpConfig } from '../config-schema.ts';
import { LOGGER } from '../platform.module.ts';
import { Clock } from '../ports/clock.ts';
import { Metrics } from '../ports/metrics.ts';

export interface DeliveryOptions {
  readonly delivery: DeliveryConfig;
  readonly smtp: SmtpConfig;
  /** Folder of the secrets that sign webhooks. */
  readonly secretsDir: string;
}

export const DELIVERY_OPTIONS = Symbol('deliveryOptions');

@Injectable()
export class Surroundings {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly options: DeliveryOptions;

  constructor(
    clock: Clock,
    metrics: Metrics,
    @Inject(LOGGER) log: Logger,
    @Inject(DELIVERY_OPTIONS) options: DeliveryOptions,
  ) {
    this.clock = clock;
    this.metrics = metrics;
    this.log = log;
    this.options = options;
  }
}
