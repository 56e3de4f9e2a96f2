/** Context: data of the fleet that devices may ask for. */
import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { ContextMessagesController } from './context-messages.controller.ts';
import { ContextController } from './context.controller.ts';
import { ContextService } from './context.service.ts';

@Module({
  imports: [AuditModule, DevicesModule],
  controllers: [ContextController, ContextMessagesController],
  providers: [ContextService],
})
export class ContextModule {}
