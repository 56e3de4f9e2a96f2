/** Advice: which deployment pattern fits a need. */
import { Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DevicesModule } from '../devices/devices.module.ts';
import { AdviceController } from './advice.controller.ts';
import { AdviceService } from './advice.service.ts';

@Module({ imports: [DevicesModule], controllers: [AdviceController], providers: [AdviceService] })
export class AdviceModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly advice: AdviceService;
  constructor(advice: AdviceService) {
    this.advice = advice;
  }

  onModuleInit(): void {
    this.advice.start();
  }

  beforeApplicationShutdown(): void {
    this.advice.stop();
  }
}
