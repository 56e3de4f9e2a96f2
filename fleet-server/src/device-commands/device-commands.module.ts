/** Commands to devices: acknowledgement, outcome, expiry. */
import { Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { ControlDatabase } from '../db/database.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { CommandDelivery } from './command-delivery.service.ts';
import { CommandLookup } from './command-lookup.service.ts';
import { CommandMessagesController } from './command-messages.controller.ts';
import { CommandProgress } from './command-progress.service.ts';
import { DeviceCommandsController } from './device-commands.controller.ts';
import { DeviceCommandsService } from './device-commands.service.ts';
import { loadOpenCommands } from './load-open-commands.store.ts';
import { OpenCommands } from './open-commands.ts';

const OPEN = {
  provide: OpenCommands,
  inject: [ControlDatabase],
  useFactory: (database: ControlDatabase) => loadOpenCommands(database),
};

@Module({
  imports: [AuditModule, DevicesModule],
  controllers: [DeviceCommandsController, CommandMessagesController],
  providers: [OPEN, CommandLookup, CommandProgress, CommandDelivery, DeviceCommandsService],
})
export class DeviceCommandsModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly delivery: CommandDelivery;
  constructor(delivery: CommandDelivery) {
    this.delivery = delivery;
  }

  onModuleInit(): void {
    this.delivery.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.delivery.stop();
  }
}
