/** Streams: windows of event time over the telemetry log, exact also when records come days late. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import type { StreamsConfig } from '../config-schema.ts';
import { DeviceRemoval } from '../devices/device-removal.service.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { StreamConsumer } from './stream-consumer.service.ts';
import { StreamRunner } from './stream-runner.service.ts';
import { StreamsController } from './streams.controller.ts';
import { StreamsService } from './streams.service.ts';
import { STREAMS_CONFIG, Surroundings } from './surroundings.service.ts';
import { WindowPublisher } from './window-publisher.service.ts';

@Module({})
export class StreamsModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly streams: StreamsService;
  private readonly runner: StreamRunner;
  private readonly consumer: StreamConsumer;
  private readonly removal: DeviceRemoval;
  constructor(streams: StreamsService, runner: StreamRunner, consumer: StreamConsumer, removal: DeviceRemoval) {
    this.streams = streams;
    this.runner = runner;
    this.consumer = consumer;
    this.removal = removal;
  }

  static of(config: StreamsConfig): DynamicModule {
    return {
      module: StreamsModule,
      imports: [AuditModule, DevicesModule],
      controllers: [StreamsController],
      providers: [
        { provide: STREAMS_CONFIG, useValue: config },
        Surroundings,
        StreamRunner,
        StreamsService,
        WindowPublisher,
        StreamConsumer,
      ],
    };
  }

  async onModuleInit(): Promise<void> {
    await this.streams.start();
    this.removal.alsoErase((deviceId) => this.runner.erase(deviceId));
    this.consumer.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.consumer.stop();
  }
}
