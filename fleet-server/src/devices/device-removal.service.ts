/** Removes a device with everything the server holds of it. */
import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { requireRevision } from '../listing/conditional.ts';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import { DeviceDirectory } from './device-directory.service.ts';
import { DevicesStore } from './devices.store.ts';

const WHY = 'the device was removed from the registry';

@Injectable()
export class DeviceRemoval {
  private readonly store = new DevicesStore();
  private readonly audit: AuditService;
  private readonly directory: DeviceDirectory;
  private readonly gateway: DeviceGateway;
  private readonly telemetry: TelemetryStore;
  private readonly elsewhere: ((deviceId: string) => Promise<void>)[] = [];
  constructor(audit: AuditService, directory: DeviceDirectory, gateway: DeviceGateway, telemetry: TelemetryStore) {
    this.audit = audit;
    this.directory = directory;
    this.gateway = gateway;
    this.telemetry = telemetry;
  }

  /** For a capability that keeps things about devices: `erase` is called after the records are gone and those who began later have erased theirs, and may be repeated. */
  alsoErase(erase: (deviceId: string) => Promise<void>): void {
    this.elsewhere.push(erase);
  }

  /**
   * Its records go first: when that fails the device is still registered and the call can be repeated. A device that
   * goes on connecting registers itself again.
   * @throws FleetError DEVICE_NOT_FOUND | REVISION_STALE | STORAGE_UNAVAILABLE, and as those of `alsoErase` do
   */
  async remove(actor: Actor, deviceId: string, ifMatch: string | undefined): Promise<void> {
    const { labels, firstSeenAt, lastSeenAt, revision } = this.directory.show(deviceId);
    requireRevision(ifMatch, revision, `Device "${deviceId}"`);
    await this.gateway.disconnect(deviceId, WHY);
    await this.telemetry.deleteDevice(deviceId);
    // What is made from something goes after it, or it would be made again: alerts, windows, features.
    for (const erase of this.elsewhere.toReversed()) await erase(deviceId);
    await this.audit.change(async (transaction, record) => {
      await this.store.delete(transaction, deviceId);
      const before = { labels, firstSeenAt, lastSeenAt };
      await record({ actor, action: 'device.removed', subject: `device:${deviceId}`, before, after: null });
    });
    this.directory.remove(deviceId);
    // It may have come back meanwhile; its next birth registers it afresh.
    await this.gateway.disconnect(deviceId, WHY);
  }
}
