/** Features: what is known of every entity, for models that are asked about it; upstream of telemetry, whose log it reads by its port. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import type { FeaturesConfig } from '../config-schema.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { DeviceErasure } from './device-erasure.service.ts';
import { FeatureImportService } from './feature-import.service.ts';
import { FeatureReader } from './feature-reader.service.ts';
import { FeatureRecordsController } from './feature-records.controller.ts';
import { FeatureValuesService } from './feature-values.service.ts';
import { FeatureViewsController } from './feature-views.controller.ts';
import { FeatureViewsService } from './feature-views.service.ts';
import { FeaturesController } from './features.controller.ts';
import { Followers } from './followers.service.ts';
import { LogConsumer } from './log-consumer.service.ts';
import { SkewAuditService } from './skew-audit.service.ts';
import { FEATURES_CONFIG, Surroundings } from './surroundings.service.ts';
import { WindowCarrier } from './window-carrier.service.ts';
import { WindowFollower } from './window-follower.service.ts';
import { ViewRegistry } from './view-registry.service.ts';
import { WindowSourcesService } from './window-sources.service.ts';

@Module({})
export class FeatureViewsModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly views: FeatureViewsService;
  private readonly followers: Followers;
  private readonly skew: SkewAuditService;
  private readonly erasure: DeviceErasure;
  constructor(views: FeatureViewsService, followers: Followers, skew: SkewAuditService, erasure: DeviceErasure) {
    this.views = views;
    this.followers = followers;
    this.skew = skew;
    this.erasure = erasure;
  }

  /** Exports `FeatureReader`, by which inference and scoring get their vectors. */
  static of(config: FeaturesConfig): DynamicModule {
    return {
      module: FeatureViewsModule,
      imports: [AuditModule, DevicesModule],
      controllers: [FeatureViewsController, FeatureRecordsController, FeaturesController],
      providers: [
        { provide: FEATURES_CONFIG, useValue: config },
        Surroundings,
        ViewRegistry,
        FeatureViewsService,
        FeatureValuesService,
        FeatureImportService,
        FeatureReader,
        LogConsumer,
        WindowCarrier,
        WindowFollower,
        Followers,
        WindowSourcesService,
        SkewAuditService,
        DeviceErasure,
      ],
      exports: [FeatureReader],
    };
  }

  async onModuleInit(): Promise<void> {
    await this.views.start();
    this.erasure.start();
    this.followers.start();
    this.skew.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.skew.stop();
    await this.followers.stop();
  }
}
