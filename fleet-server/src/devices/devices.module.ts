/** The device registry and presence. */
import { Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { ControlDatabase } from '../db/database.ts';
import { Clock } from '../ports/clock.ts';
import { DeviceRoster } from './device-roster.ts';
import { DeviceDirectory } from './device-directory.service.ts';
import { DeviceRemoval } from './device-removal.service.ts';
import { DevicesController } from './devices.controller.ts';
import { DevicesService } from './devices.service.ts';
import { LastSeenService } from './last-seen.service.ts';
import { loadRoster } from './load-roster.store.ts';
import { PresenceController } from './presence.controller.ts';
import { PresenceService } from './presence.service.ts';
import { UpMessages } from './up-messages.service.ts';

/** The roster is full before anything that reads it is made, so no device can connect before. */
const ROSTER = {
  provide: DeviceRoster,
  inject: [ControlDatabase, Clock],
  useFactory: (database: ControlDatabase, clock: Clock) => loadRoster(database, clock.now()),
};

@Module({
  imports: [AuditModule],
  controllers: [DevicesController, PresenceController],
  providers: [ROSTER, DeviceDirectory, DevicesService, DeviceRemoval, PresenceService, LastSeenService, UpMessages],
  exports: [DeviceDirectory, DeviceRemoval, PresenceService, UpMessages],
})
export class DevicesModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly lastSeen: LastSeenService;
  constructor(lastSeen: LastSeenService) {
    this.lastSeen = lastSeen;
  }

  onModuleInit(): void {
    this.lastSeen.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.lastSeen.stop();
  }
}
