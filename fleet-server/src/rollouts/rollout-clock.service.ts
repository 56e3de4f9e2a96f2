/** Keeps rollouts going: takes a turn when devices have said something, and once in a while because time passes. */
import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { MessageBus } from '../ports/message-bus.ts';
import { RolloutEngine } from './rollout-engine.service.ts';
import { RolloutPublisher } from './rollout-publisher.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class RolloutClock {
  private readonly engine: RolloutEngine;
  private readonly publisher: RolloutPublisher;
  private readonly bus: MessageBus;
  private readonly around: Surroundings;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private unsubscribe: (() => void) | undefined;
  private isDue = true;
  private tickedAt = -Infinity;

  constructor(engine: RolloutEngine, publisher: RolloutPublisher, bus: MessageBus, around: Surroundings) {
    this.engine = engine;
    this.publisher = publisher;
    this.bus = bus;
    this.around = around;
  }

  start(): void {
    this.unsubscribe = this.bus.on('device.changed', () => {
      this.isDue = true;
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
      await this.turn().catch((error: unknown) => {
        this.around.metrics.count('rollout_errors_total');
        this.around.log.error({ err: error }, 'rollouts could not go on; it is tried again');
      });
      await setTimeout(this.around.config.turnMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** What devices say is gathered for a turn; soak times, rates and timeouts are looked at every `tickMs`. */
  private async turn(): Promise<void> {
    const { clock, config } = this.around;
    const isTime = clock.monotonic() - this.tickedAt >= config.tickMs;
    if (this.isDue || isTime) {
      this.isDue = false;
      this.tickedAt = clock.monotonic();
      await this.engine.tick();
    }
    await this.publisher.tell();
  }
}
