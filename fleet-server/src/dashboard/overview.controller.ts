/** GET /api/overview and /api/overview/attention. */
import { Controller, Get } from '@nestjs/common';
import { attentionSchema, fleetSummarySchema, type Attention, type FleetSummary } from '@shoal/protocol';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { FleetActivity } from './fleet-activity.service.ts';
import { OverviewService } from './overview.service.ts';

@Controller('api/overview')
export class OverviewController {
  private readonly overview: OverviewService;
  private readonly activity: FleetActivity;
  private readonly gateway: DeviceGateway;
  constructor(overview: OverviewService, activity: FleetActivity, gateway: DeviceGateway) {
    this.overview = overview;
    this.activity = activity;
    this.gateway = gateway;
  }

  /** The totals are as new as the request. */
  @Get()
  async summary(): Promise<FleetSummary> {
    await this.activity.look();
    return fleetSummarySchema.parse(this.overview.summary(this.gateway.connectionCount()));
  }

  @Get('attention')
  async attention(): Promise<Attention> {
    await this.activity.look();
    return attentionSchema.parse(this.overview.attention());
  }
}
