/** The two that carry what others publish into features: the telemetry log, and the windows of streams. */
import { Injectable } from '@nestjs/common';
import { LogConsumer } from './log-consumer.service.ts';
import { WindowFollower } from './window-follower.service.ts';

@Injectable()
export class Followers {
  private readonly log: LogConsumer;
  private readonly windows: WindowFollower;

  constructor(log: LogConsumer, windows: WindowFollower) {
    this.log = log;
    this.windows = windows;
  }

  start(): void {
    this.log.start();
    this.windows.start();
  }

  /** Resolves when what is being carried now is stored; later steps read what is there by then. */
  async stepsEnded(): Promise<void> {
    await Promise.all([this.log.stepEnded(), this.windows.stepEnded()]);
  }

  async stop(): Promise<void> {
    await this.windows.stop();
    await this.log.stop();
  }
}
