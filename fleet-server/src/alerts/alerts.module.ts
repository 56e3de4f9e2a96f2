/** Alerts: rules over readings, predictions, events, windows and absence, and telling people of what they find. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import type { AlertsConfig } from '../config-schema.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { AlertConsumer } from './alert-consumer.service.ts';
import { AlertPublisher } from './alert-publisher.service.ts';
import { AlertRulesController } from './alert-rules.controller.ts';
import { AlertRulesService } from './alert-rules.service.ts';
import { AlertTeller } from './alert-teller.service.ts';
import { AlertsController } from './alerts.controller.ts';
import { AlertsService } from './alerts.service.ts';
import { SilencesController } from './silences.controller.ts';
import { ALERTS_CONFIG, Surroundings } from './surroundings.service.ts';
import { WatchedDevices } from './watched-devices.service.ts';

@Module({})
export class AlertsModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly devices: WatchedDevices;
  private readonly rules: AlertRulesService;
  private readonly consumer: AlertConsumer;
  constructor(devices: WatchedDevices, rules: AlertRulesService, consumer: AlertConsumer) {
    this.devices = devices;
    this.rules = rules;
    this.consumer = consumer;
  }

  /** `delivery` is the one instance of its module. */
  static of(config: AlertsConfig, delivery: DynamicModule): DynamicModule {
    return {
      module: AlertsModule,
      imports: [AuditModule, DevicesModule, delivery],
      controllers: [AlertsController, AlertRulesController, SilencesController],
      providers: [
        { provide: ALERTS_CONFIG, useValue: config },
        Surroundings,
        WatchedDevices,
        AlertRulesService,
        AlertsService,
        AlertPublisher,
        AlertTeller,
        AlertConsumer,
      ],
    };
  }

  async onModuleInit(): Promise<void> {
    await this.devices.start();
    await this.rules.start();
    this.consumer.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.consumer.stop();
    this.devices.stop();
  }
}
