/** Makes the ports injectable everywhere: capabilities ask for a port's class and get the adapter the root picked. */
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import type { Logger } from 'pino';
import { HttpFront } from './http-front.ts';
import { AlertStore } from './ports/alert-store.ts';
import { ArtifactStore, SystemImageStore } from './ports/artifact-store.ts';
import { Authenticator } from './ports/authenticator.ts';
import { BacktestRunner } from './ports/backtest-runner.ts';
import { Clock } from './ports/clock.ts';
import { DeviceGateway } from './ports/device-gateway.ts';
import { FeatureStore } from './ports/feature-store.ts';
import { MessageBus } from './ports/message-bus.ts';
import { Metrics } from './ports/metrics.ts';
import { PredictionQueue } from './ports/prediction-queue.ts';
import { ScoreRunner } from './ports/score-runner.ts';
import { ScoreStore } from './ports/score-store.ts';
import { TelemetryStore } from './ports/telemetry-store.ts';
import { WindowStore } from './ports/window-store.ts';

/** Injection token of the server's pino logger. */
export const LOGGER = Symbol('logger');

export interface Platform {
  readonly log: Logger;
  readonly front: HttpFront;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly bus: MessageBus;
  readonly authenticator: Authenticator;
  readonly gateway: DeviceGateway;
  readonly telemetry: TelemetryStore;
  readonly features: FeatureStore;
  readonly windows: WindowStore;
  readonly predictions: PredictionQueue;
  readonly alerts: AlertStore;
  readonly artifacts: ArtifactStore;
  readonly systemImages: SystemImageStore;
  readonly scores: ScoreStore;
  readonly scoreRunner: ScoreRunner;
  readonly backtestRunner: BacktestRunner;
}

@Module({})
export class PlatformModule {
  static of(platform: Platform): DynamicModule {
    const providers: Provider[] = [
      { provide: LOGGER, useValue: platform.log },
      { provide: HttpFront, useValue: platform.front },
      { provide: Clock, useValue: platform.clock },
      { provide: Metrics, useValue: platform.metrics },
      { provide: MessageBus, useValue: platform.bus },
      { provide: Authenticator, useValue: platform.authenticator },
      { provide: DeviceGateway, useValue: platform.gateway },
      { provide: TelemetryStore, useValue: platform.telemetry },
      { provide: FeatureStore, useValue: platform.features },
      { provide: WindowStore, useValue: platform.windows },
      { provide: PredictionQueue, useValue: platform.predictions },
      { provide: AlertStore, useValue: platform.alerts },
      { provide: ArtifactStore, useValue: platform.artifacts },
      { provide: SystemImageStore, useValue: platform.systemImages },
      { provide: ScoreStore, useValue: platform.scores },
      { provide: ScoreRunner, useValue: platform.scoreRunner },
      { provide: BacktestRunner, useValue: platform.backtestRunner },
    ];
    return { module: PlatformModule, global: true, providers, exports: providers };
  }
}
