/** Telemetry: history over HTTP, live topics over MQTT, and retention. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import type { StorageConfig } from '../config-schema.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { DeviceTelemetryController } from './device-telemetry.controller.ts';
import { FleetTelemetryController } from './fleet-telemetry.controller.ts';
import { LiveTopicsService } from './live-topics.service.ts';
import { RETENTION_CHECK_MS, RetentionService } from './retention.service.ts';

@Module({})
export class TelemetryModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly live: LiveTopicsService;
  private readonly retention: RetentionService;
  constructor(live: LiveTopicsService, retention: RetentionService) {
    this.live = live;
    this.retention = retention;
  }

  static of(config: Pick<StorageConfig, 'retentionCheckMs'>): DynamicModule {
    return {
      module: TelemetryModule,
      imports: [DevicesModule],
      controllers: [DeviceTelemetryController, FleetTelemetryController],
      providers: [
        LiveTopicsService,
        RetentionService,
        { provide: RETENTION_CHECK_MS, useValue: config.retentionCheckMs },
      ],
    };
  }

  onModuleInit(): void {
    this.live.start();
    this.retention.start();
  }

  beforeApplicationShutdown(): void {
    this.retention.stop();
    this.live.stop();
  }
}
