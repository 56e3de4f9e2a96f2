/** What every part of this capability needs besides its own: clock, metrics, log, the codec of large messages, the times of arrival, and the slice of configuration. */
import { Inject, Injectable } from '@nestjs/common';
import { ThreadedCodec } from '@shoal/models';
import type { Logger } from 'pino';
import type { GrpcConfig, InferenceConfig } from '../config-schema.ts';
import { LOGGER } from '../platform.module.ts';
import { Clock } from '../ports/clock.ts';
import { Metrics } from '../ports/metrics.ts';
import { Arrivals } from './arrivals.ts';

export const INFERENCE_CONFIG = Symbol('inferenceConfig');

export interface InferenceSlices {
  readonly inference: InferenceConfig;
  readonly grpc: GrpcConfig & { readonly port: number };
}

@Injectable()
export class Surroundings {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly config: InferenceSlices;
  readonly codec = new ThreadedCodec();
  readonly arrivals = new Arrivals();

  constructor(
    clock: Clock,
    metrics: Metrics,
    @Inject(LOGGER) log: Logger,
    @Inject(INFERENCE_CONFIG) config: InferenceSlices,
  ) {
    this.clock = clock;
    this.metrics = metrics;
    this.log = log;
    this.config = config;
  }
}
