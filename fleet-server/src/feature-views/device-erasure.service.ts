/** A device that is removed leaves no features behind: of every version of every view of devices. */
import { Injectable } from '@nestjs/common';
import { FeatureStore } from '../ports/feature-store.ts';
import { LogConsumer } from './log-consumer.service.ts';
import { SkewAuditService } from './skew-audit.service.ts';
import { ViewRegistry } from './view-registry.service.ts';

@Injectable()
export class DeviceErasure {
  private readonly registry: ViewRegistry;
  private readonly store: FeatureStore;
  private readonly consumer: LogConsumer;
  private readonly skew: SkewAuditService;

  constructor(registry: ViewRegistry, store: FeatureStore, consumer: LogConsumer, skew: SkewAuditService) {
    this.registry = registry;
    this.store = store;
    this.consumer = consumer;
    this.skew = skew;
  }

  /** After its records are gone from the log. @throws FleetError FEATURE_STORE_UNAVAILABLE; can be repeated */
  async erase(deviceId: string): Promise<void> {
    // A step that read the log before would bring its windows back.
    await this.consumer.stepEnded();
    this.skew.forget(deviceId);
    await this.store.erase(this.registry.viewNosOf('device'), deviceId);
  }
}
