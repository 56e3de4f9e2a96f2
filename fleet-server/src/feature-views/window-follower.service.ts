/** Follows what streams publish: paces the carrying of windows into features, and hears of news. */
import { Injectable } from '@nestjs/common';
import { MessageBus } from '../ports/message-bus.ts';
import { NOTHING_TO_DO, PacedSteps, REST } from './paced-steps.ts';
import { Surroundings } from './surroundings.service.ts';
import { WindowCarrier } from './window-carrier.service.ts';

/** Of one step: what is handed on stays far below the event-loop budget. */
const WINDOWS_PER_STEP = 200;

@Injectable()
export class WindowFollower {
  private readonly bus: MessageBus;
  private readonly steps: PacedSteps;
  private unsubscribe: (() => void) | undefined;

  constructor(carrier: WindowCarrier, around: Surroundings, bus: MessageBus) {
    this.bus = bus;
    this.steps = new PacedSteps({
      step: async () => {
        const startedAt = around.clock.monotonic();
        const hasMore = await carrier.step(WINDOWS_PER_STEP);
        return hasMore ? REST * (around.clock.monotonic() - startedAt) : NOTHING_TO_DO;
      },
      onError: (error) => {
        around.metrics.count('feature_consumer_errors_total');
        around.log.error({ err: error }, 'published windows could not be carried into features; it is tried again');
      },
      idleMs: around.config.consumerIdleMs,
    });
  }

  start(): void {
    this.unsubscribe = this.bus.on('window.published', () => this.steps.news());
    this.steps.start();
  }

  /** Resolves when what is being carried now is stored. */
  stepEnded(): Promise<void> {
    return this.steps.stepEnded();
  }

  async stop(): Promise<void> {
    await this.steps.stop();
    this.unsubscribe?.();
  }
}
