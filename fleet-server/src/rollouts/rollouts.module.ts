/** Rollouts: releases of models to devices in stages, each of which has to show that it is well. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import type { RolloutsConfig } from '../config-schema.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { TwinsModule } from '../twins/twins.module.ts';
import { Director } from './director.service.ts';
import { ObservedDevices } from './observed-devices.service.ts';
import { RolloutActionsController } from './rollout-actions.controller.ts';
import { ReleaseUsage } from './release-usage.service.ts';
import { RolloutClock } from './rollout-clock.service.ts';
import { RolloutCommits } from './rollout-commits.service.ts';
import { RolloutCreation } from './rollout-creation.service.ts';
import { RolloutDocuments } from './rollout-documents.service.ts';
import { RolloutEngine } from './rollout-engine.service.ts';
import { RolloutLoader } from './rollout-loader.service.ts';
import { RolloutPlanner } from './rollout-plan.service.ts';
import { RolloutPublisher } from './rollout-publisher.service.ts';
import { RolloutReleases } from './rollout-releases.service.ts';
import { RolloutsController } from './rollouts.controller.ts';
import { RolloutsService } from './rollouts.service.ts';
import { StartGates } from './start-gates.service.ts';
import { ROLLOUTS_CONFIG, Surroundings } from './surroundings.service.ts';

@Module({})
export class RolloutsModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly clock: RolloutClock;
  private readonly usage: ReleaseUsage;
  constructor(clock: RolloutClock, usage: ReleaseUsage) {
    this.clock = clock;
    this.usage = usage;
  }

  /** `models` provides the registry, `backtests` what their gate is judged by. */
  static of(config: RolloutsConfig, models: DynamicModule, backtests: DynamicModule): DynamicModule {
    return {
      module: RolloutsModule,
      imports: [AuditModule, DevicesModule, TwinsModule, models, backtests],
      controllers: [RolloutsController, RolloutActionsController],
      providers: [
        { provide: ROLLOUTS_CONFIG, useValue: config },
        Surroundings,
        RolloutLoader,
        RolloutReleases,
        StartGates,
        ObservedDevices,
        Director,
        RolloutCommits,
        RolloutEngine,
        RolloutDocuments,
        RolloutPlanner,
        RolloutPublisher,
        RolloutCreation,
        RolloutsService,
        RolloutClock,
        ReleaseUsage,
      ],
    };
  }

  onModuleInit(): void {
    this.usage.start();
    this.clock.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.clock.stop();
  }
}
