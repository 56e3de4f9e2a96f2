/** Backtests: a release shown on what the fleet has lived through, before any device gets it. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { BacktestCreation } from './backtest-creation.service.ts';
import { BacktestGates } from './backtest-gates.service.ts';
import { BacktestOrders } from './backtest-orders.service.ts';
import { BacktestProcessor } from './backtest-processor.service.ts';
import { BacktestsController } from './backtests.controller.ts';
import { Backtests } from './backtests.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Module({})
export class BacktestsModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly processor: BacktestProcessor;
  constructor(processor: BacktestProcessor) {
    this.processor = processor;
  }

  /** The modules that export `ModelBundles` and `FeatureReader`. */
  static of(models: DynamicModule, featureViews: DynamicModule): DynamicModule {
    return {
      module: BacktestsModule,
      imports: [AuditModule, DevicesModule, models, featureViews],
      controllers: [BacktestsController],
      providers: [Surroundings, BacktestOrders, BacktestProcessor, BacktestCreation, Backtests, BacktestGates],
      exports: [BacktestGates],
    };
  }

  /** Releases and views are known by now: what a killed server was at is begun anew. */
  onModuleInit(): void {
    this.processor.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.processor.stop();
  }
}
