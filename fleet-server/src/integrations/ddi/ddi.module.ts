/** System updates for clients of hawkBit's DDI, such as SWUpdate. Off unless configured: then every route says so and nothing runs. */
import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../../audit/audit.module.ts';
import type { DdiConfig } from '../../config-schema.ts';
import { ActionsController } from './actions.controller.ts';
import { SystemActions } from './actions.service.ts';
import { ClientTokens } from './client-tokens.service.ts';
import { ClientWork } from './client-work.service.ts';
import { DdiArtifactsController } from './ddi-artifacts.controller.ts';
import { DdiController } from './ddi.controller.ts';
import { ImagesController } from './images.controller.ts';
import { SystemImages } from './images.service.ts';
import { DDI_CONFIG, Surroundings } from './surroundings.service.ts';
import { TargetsController } from './targets.controller.ts';
import { SystemTargets } from './targets.service.ts';

@Module({})
export class DdiModule implements OnModuleInit {
  private readonly around: Surroundings;
  private readonly tokens: ClientTokens;
  private readonly images: SystemImages;
  constructor(around: Surroundings, tokens: ClientTokens, images: SystemImages) {
    this.around = around;
    this.tokens = tokens;
    this.images = images;
  }

  static of(config: DdiConfig): DynamicModule {
    return {
      module: DdiModule,
      imports: [AuditModule],
      controllers: [ImagesController, TargetsController, ActionsController, DdiController, DdiArtifactsController],
      providers: [
        { provide: DDI_CONFIG, useValue: config },
        Surroundings,
        ClientTokens,
        SystemImages,
        SystemTargets,
        SystemActions,
        ClientWork,
      ],
    };
  }

  /** @throws FleetError CONFIG_INVALID when the token of the gateway is of no use */
  async onModuleInit(): Promise<void> {
    if (!this.around.isOn) return;
    await this.tokens.start();
    await this.images.start();
  }
}
