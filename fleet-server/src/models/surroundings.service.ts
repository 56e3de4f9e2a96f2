/** What every part of this capability needs besides its own: clock, metrics, log and the slice of configuration. */
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { ModelsConfig } from '../config-schema.ts';
import { LOGGER } from '../platform.module.ts';
import { Clock } from '../ports/clock.ts';
import { Metrics } from '../ports/metrics.ts';

export const MODELS_CONFIG = Symbol('modelsConfig');

@Injectable()
export class Surroundings {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly config: ModelsConfig & { readonly keysDir: string };

  constructor(
    clock: Clock,
    metrics: Metrics,
    @Inject(LOGGER) log: Logger,
    @Inject(MODELS_CONFIG) config: ModelsConfig & { readonly keysDir: string },
  ) {
    this.clock = clock;
    this.metrics = metrics;
    this.log = log;
    this.config = config;
  }
}
