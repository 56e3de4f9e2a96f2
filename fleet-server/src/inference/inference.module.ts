/** Real-time inference: models on engines of this server, asked over HTTP, gRPC and MQTT. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { DevicesModule } from '../devices/devices.module.ts';
import { HttpFront } from '../http-front.ts';
import { GrpcServer } from './grpc/grpc-server.service.ts';
import { InferWire } from './grpc/infer-wire.service.ts';
import { InferenceCalls } from './grpc/inference-calls.service.ts';
import { EntityFeatures } from './entity-features.service.ts';
import { InferDesk } from './infer-desk.service.ts';
import { InferMessagesController } from './infer-messages.controller.ts';
import { InferenceRoutes } from './inference-routes.service.ts';
import { ServedModels } from './served-models.service.ts';
import { INFERENCE_CONFIG, Surroundings, type InferenceSlices } from './surroundings.service.ts';

@Module({})
export class InferenceModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly models: ServedModels;
  private readonly routes: InferenceRoutes;
  private readonly grpc: GrpcServer;
  private readonly front: HttpFront;
  constructor(models: ServedModels, routes: InferenceRoutes, grpc: GrpcServer, front: HttpFront) {
    this.models = models;
    this.routes = routes;
    this.grpc = grpc;
    this.front = front;
  }

  /** `featureViews`: the module that exports `FeatureReader`. */
  static of(config: InferenceSlices, featureViews: DynamicModule): DynamicModule {
    return {
      module: InferenceModule,
      imports: [featureViews, DevicesModule],
      controllers: [InferMessagesController],
      providers: [
        { provide: INFERENCE_CONFIG, useValue: config },
        Surroundings,
        EntityFeatures,
        ServedModels,
        InferenceRoutes,
        InferDesk,
        InferWire,
        InferenceCalls,
        GrpcServer,
      ],
      exports: [GrpcServer, ServedModels],
    };
  }

  /** Bundles are read after the views they pin are known. */
  async onModuleInit(): Promise<void> {
    await this.models.open();
    this.front.give(this.routes);
    await this.grpc.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.grpc.stop();
    await this.models.close();
  }
}
