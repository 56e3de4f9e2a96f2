/** The fleet at a glance, and what needs a person first. */
import { Injectable } from '@nestjs/common';
import type { Attention, FleetSummary } from '@shoal/protocol';
import { DatabaseIncident } from '../db/database-incident.ts';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { Clock } from '../ports/clock.ts';
import { attentionOf } from './attention.ts';
import { FleetActivity } from './fleet-activity.service.ts';
import { countFleet, presentStates } from './fleet-summary.ts';

@Injectable()
export class OverviewService {
  private readonly directory: DeviceDirectory;
  private readonly activity: FleetActivity;
  private readonly incident: DatabaseIncident;
  private readonly clock: Clock;
  constructor(directory: DeviceDirectory, activity: FleetActivity, incident: DatabaseIncident, clock: Clock) {
    this.directory = directory;
    this.activity = activity;
    this.incident = incident;
    this.clock = clock;
  }

  /** `connections` is what the gateway counts. */
  summary(connections: number): FleetSummary {
    const { models, droppedOnDevices } = countFleet(this.directory.entries());
    const { totals, rates, predictionSources, storage } = this.activity.snapshot();
    return {
      at: this.clock.now(),
      devices: { total: this.directory.size, byState: presentStates(this.directory.countByState()) },
      connections,
      rates,
      totals: { ...totals, droppedOnDevices },
      predictionSources,
      models: [...models],
      storage,
    };
  }

  attention(): Attention {
    const { quarantined: path, at } = this.incident;
    return attentionOf(this.directory.entries(), {
      now: this.clock.now(),
      startedAt: at,
      storage: this.activity.snapshot().storage,
      storageSince: this.activity.storageSince,
      quarantined: path === null ? null : { path, at },
      deadLettersLastMinute: this.activity.deadLettersLastMinute(),
    });
  }
}
