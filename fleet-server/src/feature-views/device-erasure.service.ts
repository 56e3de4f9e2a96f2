/** A device that is removed leaves no features behind: of every version of every view of devices. */
import { Injectable } from '@nestjs/common';
import { DeviceRemoval } from '../devices/device-removal.service.ts';
import { Followers } from './followers.service.ts';
import { SkewAuditService } from './skew-audit.service.ts';
import { ViewRegistry } from './view-registry.service.ts';

@Injectable()
export class DeviceErasure {
  private readonly removal: DeviceRemoval;
  private readonly registry: ViewRegistry;
  private readonly followers: Followers;
  private readonly skew: SkewAuditService;

  constructor(removal: DeviceRemoval, registry: ViewRegistry, followers: Followers, skew: SkewAuditService) {
    this.removal = removal;
    this.registry = registry;
    this.followers = followers;
    this.skew = skew;
  }

  start(): void {
    this.removal.alsoErase((deviceId) => this.erase(deviceId));
  }

  /** After its records are gone from the log. @throws FleetError FEATURE_STORE_UNAVAILABLE; can be repeated */
  private async erase(deviceId: string): Promise<void> {
    // A step that read the log before would bring its windows back.
    await this.followers.stepsEnded();
    this.skew.forget(deviceId);
    await this.registry.erase('device', deviceId);
  }
}
