/** What people see of the fleet: overview, attention and the live feed. */
import { Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DevicesModule } from '../devices/devices.module.ts';
import { FleetActivity } from './fleet-activity.service.ts';
import { LiveFeed } from './live-feed.service.ts';
import { LiveController } from './live.controller.ts';
import { OverviewController } from './overview.controller.ts';
import { OverviewService } from './overview.service.ts';
import { SummaryPublisher } from './summary-publisher.service.ts';

@Module({
  imports: [DevicesModule],
  controllers: [OverviewController, LiveController],
  providers: [FleetActivity, OverviewService, LiveFeed, SummaryPublisher],
})
export class DashboardModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly activity: FleetActivity;
  private readonly feed: LiveFeed;
  private readonly publisher: SummaryPublisher;
  constructor(activity: FleetActivity, feed: LiveFeed, publisher: SummaryPublisher) {
    this.activity = activity;
    this.feed = feed;
    this.publisher = publisher;
  }

  async onModuleInit(): Promise<void> {
    await this.activity.start();
    this.feed.start();
    this.publisher.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.publisher.stop();
    this.feed.stop();
    await this.activity.stop();
  }
}
