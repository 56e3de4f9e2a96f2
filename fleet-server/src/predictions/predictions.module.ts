/** Asynchronous predictions: a durable queue in front of the models of this server. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import type { PredictionsConfig } from '../config-schema.ts';
import { RunAnswers } from './run-answers.service.ts';
import { HeldRequests } from './held-requests.service.ts';
import { PredictionsController } from './predictions.controller.ts';
import { PredictionProcessor } from './processor.service.ts';
import { PredictionSubmissions } from './submissions.service.ts';
import { PREDICTIONS_CONFIG, Surroundings } from './surroundings.service.ts';
import { TicketEventsController } from './ticket-events.controller.ts';
import { TicketNews } from './ticket-news.service.ts';
import { TicketsService } from './tickets.service.ts';
import { WebhookHandover } from './webhook-handover.service.ts';

@Module({})
export class PredictionsModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly processor: PredictionProcessor;
  private readonly webhooks: WebhookHandover;
  constructor(processor: PredictionProcessor, webhooks: WebhookHandover) {
    this.processor = processor;
    this.webhooks = webhooks;
  }

  /** The modules that export `ServedModels` and `DeliveryService`. */
  static of(config: PredictionsConfig, inference: DynamicModule, delivery: DynamicModule): DynamicModule {
    return {
      module: PredictionsModule,
      imports: [inference, delivery],
      controllers: [PredictionsController, TicketEventsController],
      providers: [
        { provide: PREDICTIONS_CONFIG, useValue: config },
        Surroundings,
        TicketNews,
        RunAnswers,
        PredictionProcessor,
        PredictionSubmissions,
        TicketsService,
        HeldRequests,
        WebhookHandover,
      ],
      exports: [PredictionSubmissions],
    };
  }

  onModuleInit(): void {
    this.processor.start();
    this.webhooks.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.processor.stop();
    await this.webhooks.stop();
  }
}
