/** Tells the fleet summary to everybody who follows it, on MQTT and in the live feed, when it changed. */
import { Injectable, Logger } from '@nestjs/common';
import { topics, type FleetSummary } from '@shoal/protocol';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { saysTheSame } from './fleet-summary.ts';
import { LiveFeed } from './live-feed.service.ts';
import { OverviewService } from './overview.service.ts';

const EVERY_MS = 2_000;

@Injectable()
export class SummaryPublisher {
  private readonly log = new Logger('Dashboard');
  private readonly overview: OverviewService;
  private readonly gateway: DeviceGateway;
  private readonly feed: LiveFeed;
  private last: FleetSummary | undefined;
  private timer: NodeJS.Timeout | undefined;
  private publishing: Promise<void> | undefined;

  constructor(overview: OverviewService, gateway: DeviceGateway, feed: LiveFeed) {
    this.overview = overview;
    this.gateway = gateway;
    this.feed = feed;
  }

  start(): void {
    this.timer = setInterval(() => {
      this.publishing ??= this.publish().finally(() => {
        this.publishing = undefined;
      });
    }, EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.publishing;
  }

  private async publish(): Promise<void> {
    // Said before the broker listens, it would be retained nowhere.
    if (!this.gateway.isOpen()) return;
    const summary = this.overview.summary(this.gateway.connectionCount());
    if (saysTheSame(this.last, summary)) return;
    this.last = summary;
    this.feed.summary(summary);
    const payload = Buffer.from(JSON.stringify(summary), 'utf8');
    try {
      await this.gateway.publish({ topic: topics.fleetSummary(), payload, qos: 1, retain: true });
    } catch (error) {
      this.log.warn(`The fleet summary could not be published: ${String(error)}`);
    }
  }
}
