/** What every part of this capability needs besides its own: clock, metrics, log and the slice of configuration. */
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { DdiConfig } from '../../config-schema.ts';
import { LOGGER } from '../../platform.module.ts';
import { Clock } from '../../ports/clock.ts';
import { Metrics } from '../../ports/metrics.ts';

export const DDI_CONFIG = Symbol('ddiConfig');

@Injectable()
export class Surroundings {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly config: DdiConfig;

  constructor(clock: Clock, metrics: Metrics, @Inject(LOGGER) log: Logger, @Inject(DDI_CONFIG) config: DdiConfig) {
    this.clock = clock;
    this.metrics = metrics;
    this.log = log;
    this.config = config;
  }

  get isOn(): boolean {
    return this.config.endpoint === 'on';
  }

  /** What was heard of last before this is timed out. */
  get heardBefore(): number {
    return this.clock.now() - this.config.actionTimeoutMs;
  }
}
