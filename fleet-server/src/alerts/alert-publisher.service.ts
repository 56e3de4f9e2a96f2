/** Tells alerts to those who follow them: retained MQTT topics and the live feed. The store has the record of them. */
import { Injectable } from '@nestjs/common';
import { topics, type Alert } from '@shoal/protocol';
import { AlertStore } from '../ports/alert-store.ts';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { MessageBus } from '../ports/message-bus.ts';
import { Surroundings } from './surroundings.service.ts';

const AT_ONCE = 500;
/** Resolved alerts that stay retained, so that the memory of the broker does not grow with the past. */
const RESOLVED_RETAINED = 1_000;
const NOTHING = new Uint8Array();

@Injectable()
export class AlertPublisher {
  private readonly store: AlertStore;
  private readonly gateway: DeviceGateway;
  private readonly bus: MessageBus;
  private readonly around: Surroundings;
  private readonly resolved = new Set<string>();
  private told: number | undefined;

  constructor(store: AlertStore, gateway: DeviceGateway, bus: MessageBus, around: Surroundings) {
    this.store = store;
    this.gateway = gateway;
    this.bus = bus;
    this.around = around;
  }

  /**
   * Tells what changed up to this change. Retained messages are in the memory of the broker alone, so the first time after a
   * start everything that fires is told again.
   */
  async follow(lastChange: number): Promise<void> {
    if (!this.gateway.isOpen()) return;
    if (this.told === undefined) {
      this.told = lastChange;
      await this.tellFiring();
    }
    while (this.told < lastChange) {
      const changes = await this.store.changes(this.told, AT_ONCE);
      for (const { alert } of changes) {
        this.bus.emit('alert.changed', { alert });
        await this.tell(alert);
      }
      // What changed between these is of alerts that have not fired.
      this.told =
        changes.length < AT_ONCE ? Math.min(lastChange, this.told + AT_ONCE) : (changes.at(-1)?.change ?? lastChange);
    }
  }

  private async tellFiring(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.store.firing(AT_ONCE, cursor);
      for (const alert of page.items) await this.tell(alert);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  private async tell(alert: Alert): Promise<void> {
    const topic = topics.alert(alert.alertId);
    await this.publish(topic, Buffer.from(JSON.stringify(alert), 'utf8'));
    if (alert.state !== 'resolved') return;
    this.resolved.delete(topic);
    this.resolved.add(topic);
    const [oldest] = this.resolved;
    if (this.resolved.size <= RESOLVED_RETAINED || oldest === undefined) return;
    this.resolved.delete(oldest);
    // [MQTT-3.3.1-10] an empty payload removes what is retained.
    await this.publish(oldest, NOTHING);
  }

  private async publish(topic: string, payload: Uint8Array): Promise<void> {
    try {
      await this.gateway.publish({ topic, payload, qos: 1, retain: true });
    } catch (error) {
      this.around.metrics.count('alert_messages_dropped_total');
      this.around.log.warn({ err: error, topic }, 'an alert could not be told on MQTT');
    }
  }
}
