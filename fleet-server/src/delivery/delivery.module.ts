/** Deliveries to the outside: webhooks, e-mail and MQTT, stored before they are sent and tried until they arrive. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { ChannelSender } from './channel-sender.service.ts';
import { DeliveriesController } from './deliveries.controller.ts';
import { DeliveryQueue } from './delivery-queue.service.ts';
import { DeliveryService } from './delivery.service.ts';
import { DeliveryDispatcher } from './dispatcher.service.ts';
import { MailSender } from './mail-sender.ts';
import { DELIVERY_OPTIONS, Surroundings, type DeliveryOptions } from './surroundings.service.ts';
import { WebhookSecrets } from './webhook-secrets.ts';
import { WebhookSecretsController } from './webhook-secrets.controller.ts';
import { WebhookSecretsService } from './webhook-secrets.service.ts';

@Module({})
export class DeliveryModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly queue: DeliveryQueue;
  private readonly dispatcher: DeliveryDispatcher;
  private readonly secrets: WebhookSecretsService;
  constructor(queue: DeliveryQueue, dispatcher: DeliveryDispatcher, secrets: WebhookSecretsService) {
    this.queue = queue;
    this.dispatcher = dispatcher;
    this.secrets = secrets;
  }

  /** The one instance, which those downstream import too. */
  static of(options: DeliveryOptions): DynamicModule {
    return {
      module: DeliveryModule,
      imports: [AuditModule],
      controllers: [DeliveriesController, WebhookSecretsController],
      providers: [
        { provide: DELIVERY_OPTIONS, useValue: options },
        { provide: WebhookSecrets, useValue: new WebhookSecrets(options.secretsDir) },
        { provide: MailSender, useValue: new MailSender(options.smtp, options.delivery.attemptTimeoutMs) },
        Surroundings,
        DeliveryQueue,
        ChannelSender,
        DeliveryDispatcher,
        DeliveryService,
        WebhookSecretsService,
      ],
      exports: [DeliveryService, WebhookSecretsService],
    };
  }

  async onModuleInit(): Promise<void> {
    await this.secrets.start();
    await this.queue.start();
    this.dispatcher.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.dispatcher.stop();
  }
}
