/** Real-time inference: models on engines of this server, asked over HTTP, gRPC and MQTT. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { InferenceConfig } from '../config.ts';
import { EntityFeatures } from './entity-features.service.ts';
import { InferenceRoutes } from './inference-routes.service.ts';
import { INFERENCE_CONFIG, ServedModels } from './served-models.service.ts';

@Module({})
export class InferenceModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly models: ServedModels;
  private readonly routes: InferenceRoutes;
  private readonly host: HttpAdapterHost;
  constructor(models: ServedModels, routes: InferenceRoutes, host: HttpAdapterHost) {
    this.models = models;
    this.routes = routes;
    this.host = host;
  }

  /** `featureViews`: the module that exports `FeatureReader`. */
  static of(config: InferenceConfig, featureViews: DynamicModule): DynamicModule {
    return {
      module: InferenceModule,
      imports: [featureViews],
      providers: [{ provide: INFERENCE_CONFIG, useValue: config }, EntityFeatures, ServedModels, InferenceRoutes],
    };
  }

  /** Bundles are read after the views they pin are known. */
  async onModuleInit(): Promise<void> {
    await this.models.open();
    this.routes.mount(this.host.httpAdapter.getInstance<FastifyInstance>());
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.models.close();
    await this.routes.stop();
  }
}
