/** The registry of models: releases that devices can trust, aliases, and the repository they fetch from. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import type { ModelsConfig } from '../config-schema.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { ModelBundles } from '../ports/model-bundles.ts';
import { ModelRegistry } from '../ports/model-registry.ts';
import { ModelUsage } from '../ports/model-usage.ts';
import { Aliases } from './aliases.service.ts';
import { AliasesController } from './aliases.controller.ts';
import { BlobDesk } from './blob-desk.service.ts';
import { BlobMessagesController } from './blob-messages.controller.ts';
import { BlobsController } from './blobs.controller.ts';
import { BundleCheck } from './bundle-check.service.ts';
import { Catalogue } from './catalogue.service.ts';
import { ModelViews } from './model-views.service.ts';
import { ModelsController } from './models.controller.ts';
import { PublishedModels } from './model-registry.service.ts';
import { ReleasedBundles } from './released-bundles.service.ts';
import { ReleaseRemoval } from './release-removal.service.ts';
import { Releases } from './releases.service.ts';
import { RunningDevices } from './running-devices.service.ts';
import { SigningKeys } from './signing-keys.service.ts';
import { MODELS_CONFIG, Surroundings } from './surroundings.service.ts';
import { TufController } from './tuf.controller.ts';
import { TufRepository } from './tuf-repository.service.ts';
import { Uploads } from './uploads.service.ts';

/** `keysDir` is filled in. */
export type ModelsSlice = ModelsConfig & { readonly keysDir: string };

@Module({})
export class ModelsModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly keys: SigningKeys;
  private readonly repository: TufRepository;
  private readonly registry: PublishedModels;
  private readonly catalogue: Catalogue;
  constructor(keys: SigningKeys, repository: TufRepository, registry: PublishedModels, catalogue: Catalogue) {
    this.keys = keys;
    this.repository = repository;
    this.registry = registry;
    this.catalogue = catalogue;
  }

  static of(config: ModelsSlice): DynamicModule {
    return {
      module: ModelsModule,
      imports: [AuditModule, DevicesModule],
      controllers: [ModelsController, AliasesController, TufController, BlobsController, BlobMessagesController],
      providers: [
        { provide: MODELS_CONFIG, useValue: config },
        Surroundings,
        SigningKeys,
        TufRepository,
        ModelUsage,
        BundleCheck,
        Releases,
        ReleaseRemoval,
        RunningDevices,
        Uploads,
        BlobDesk,
        Catalogue,
        Aliases,
        ModelViews,
        PublishedModels,
        { provide: ModelRegistry, useExisting: PublishedModels },
        { provide: ModelBundles, useClass: ReleasedBundles },
      ],
      exports: [ModelRegistry, ModelBundles, ModelUsage],
    };
  }

  /** Before the first device can ask. */
  async onModuleInit(): Promise<void> {
    const ring = await this.keys.open();
    await this.repository.start(ring);
    await this.keys.publishDirectorKeys(ring);
    this.registry.start(ring);
    await this.catalogue.release();
  }

  beforeApplicationShutdown(): void {
    this.repository.stop();
  }
}
