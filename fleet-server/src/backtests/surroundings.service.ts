/** What every part of this capability needs besides its own: clock, metrics and log. */
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../platform.module.ts';
import { Clock } from '../ports/clock.ts';
import { Metrics } from '../ports/metrics.ts';

@Injectable()
export class Surroundings {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;

  constructor(clock: Clock, metrics: Metrics, @Inject(LOGGER) log: Logger) {
    this.clock = clock;
    this.metrics = metrics;
    this.log = log;
  }
}
