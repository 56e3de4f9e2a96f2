/** Tells rollouts to those who follow them: retained MQTT topics and the live feed. The tables have the record of them. */
import { Injectable } from '@nestjs/common';
import { topics } from '@shoal/protocol';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { MessageBus } from '../ports/message-bus.ts';
import { RolloutDocuments } from './rollout-documents.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class RolloutPublisher {
  private readonly documents: RolloutDocuments;
  private readonly gateway: DeviceGateway;
  private readonly bus: MessageBus;
  private readonly around: Surroundings;

  constructor(documents: RolloutDocuments, gateway: DeviceGateway, bus: MessageBus, around: Surroundings) {
    this.documents = documents;
    this.gateway = gateway;
    this.bus = bus;
    this.around = around;
  }

  /** Before the broker listens nothing is told, and nothing is forgotten. */
  async tell(): Promise<void> {
    if (!this.gateway.isOpen()) return;
    for (const rollout of await this.documents.takeChanged()) {
      const { rolloutId } = rollout;
      this.bus.emit('rollout.changed', { rollout });
      const payload = Buffer.from(JSON.stringify(rollout), 'utf8');
      try {
        await this.gateway.publish({ topic: topics.rollout(rolloutId), payload, qos: 1, retain: true });
      } catch (error) {
        this.around.metrics.count('rollout_messages_dropped_total');
        this.around.log.warn({ err: error, rolloutId }, 'a rollout could not be told on MQTT');
      }
    }
  }
}
