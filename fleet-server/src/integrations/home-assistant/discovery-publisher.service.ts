/** Publishes what Home Assistant reads, and remembers what the broker of this process retains of it. */
import { Injectable } from '@nestjs/common';
import { topics } from '@shoal/protocol';
import { DeviceGateway } from '../../ports/device-gateway.ts';
import type { Messages } from './next-steps.ts';

const NOTHING: Messages = { config: undefined, state: undefined };

@Injectable()
export class DiscoveryPublisher {
  private readonly told = new Map<string, Messages>();
  private readonly gateway: DeviceGateway;
  constructor(gateway: DeviceGateway) {
    this.gateway = gateway;
  }

  /** What is published before or after goes nowhere. */
  get isOpen(): boolean {
    return this.gateway.isOpen();
  }

  toldOf(deviceId: string): Messages {
    return this.told.get(deviceId) ?? NOTHING;
  }

  async tell(deviceId: string, what: 'config' | 'state', text: string): Promise<void> {
    await this.publish(topicOf(deviceId, what), text, true);
    this.told.set(deviceId, { ...this.toldOf(deviceId), [what]: text });
  }

  /** [MQTT-3.3.1-10] an empty payload removes what is retained; Home Assistant removes the device with its entities. */
  async withdraw(deviceId: string): Promise<void> {
    await this.publish(topicOf(deviceId, 'config'), '', true);
    await this.publish(topicOf(deviceId, 'state'), '', true);
    this.told.delete(deviceId);
  }

  /** To whoever listens now, and nobody later. */
  async introduce(deviceId: string, config: string): Promise<void> {
    await this.publish(topicOf(deviceId, 'config'), config, false);
  }

  private async publish(topic: string, text: string, retain: boolean): Promise<void> {
    await this.gateway.publish({ topic, payload: Buffer.from(text, 'utf8'), qos: 1, retain });
  }
}

const topicOf = (deviceId: string, what: 'config' | 'state'): string =>
  what === 'config' ? topics.homeAssistantConfig(deviceId) : topics.homeAssistantState(deviceId);
