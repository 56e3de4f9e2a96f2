/** What third parties hear: every new record on its live topic, after the commit, only while somebody subscribes. */
import { Injectable } from '@nestjs/common';
import { topics } from '@shoal/protocol';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { MessageBus } from '../ports/message-bus.ts';
import { storedRecords } from './stored-records.ts';

@Injectable()
export class LiveTopicsService {
  private readonly bus: MessageBus;
  private readonly gateway: DeviceGateway;
  private unsubscribe: (() => void) | undefined;
  constructor(bus: MessageBus, gateway: DeviceGateway) {
    this.bus = bus;
    this.gateway = gateway;
  }

  start(): void {
    this.unsubscribe = this.bus.on('log.appended', ({ appended }) => {
      if (!this.gateway.hasPublicSubscribers()) return;
      for (const batch of appended) {
        const topic = topics.live(batch.deviceId, batch.kind);
        for (const record of storedRecords(batch)) {
          const payload = Buffer.from(JSON.stringify(record), 'utf8');
          // At most once by contract: a slow subscriber loses messages and holds nobody.
          void this.gateway.publish({ topic, payload, qos: 0, retain: false });
        }
      }
    });
  }

  stop(): void {
    this.unsubscribe?.();
  }
}
