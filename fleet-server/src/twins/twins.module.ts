/** Device twins: desired and reported state. */
import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { ReportedWriter } from './reported-writer.service.ts';
import { TwinMessagesController } from './twin-messages.controller.ts';
import { TwinsController } from './twins.controller.ts';
import { TwinsService } from './twins.service.ts';

@Module({
  imports: [AuditModule, DevicesModule],
  controllers: [TwinsController, TwinMessagesController],
  providers: [TwinsService, ReportedWriter],
  exports: [TwinsService],
})
export class TwinsModule {}
