/** Tells published windows to those who follow them: retained MQTT topics and the live feed. The store has the record of them. */
import { Injectable } from '@nestjs/common';
import type { StreamDefinition, WindowResult } from '@shoal/protocol';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { MessageBus } from '../ports/message-bus.ts';
import { WindowStore } from '../ports/window-store.ts';
import { Surroundings } from './surroundings.service.ts';
import { windowTopic } from './window-topic.ts';

/** Half a millisecond of work for the thread that reads them, and less for the event loop. */
const CHANGES_AT_ONCE = 64;
const KEYS_AT_ONCE = 500;

@Injectable()
export class WindowPublisher {
  private readonly windows: WindowStore;
  private readonly gateway: DeviceGateway;
  private readonly bus: MessageBus;
  private readonly around: Surroundings;
  /** By name: what their keys are. */
  private readonly onMqtt = new Map<string, StreamDefinition['key']['by']>();
  private told: number | undefined;

  constructor(windows: WindowStore, gateway: DeviceGateway, bus: MessageBus, around: Surroundings) {
    this.windows = windows;
    this.gateway = gateway;
    this.bus = bus;
    this.around = around;
  }

  define({ name, publish, key }: Pick<StreamDefinition, 'name' | 'publish' | 'key'>): void {
    if (publish === 'mqtt') this.onMqtt.set(name, key.by);
    else this.onMqtt.delete(name);
  }

  forget(name: string): void {
    this.onMqtt.delete(name);
  }

  /** Nothing stays retained of a device that is removed. */
  async takeBack(deviceId: string): Promise<void> {
    for (const [stream, by] of this.onMqtt) {
      if (by !== 'device') continue;
      const topic = windowTopic(stream, deviceId);
      await this.gateway.publish({ topic, payload: Buffer.alloc(0), qos: 1, retain: true });
    }
  }

  /**
   * Tells what was published up to this change. Retained messages are in the memory of the broker alone, so the first time
   * after a start the newest window of every key is told again.
   */
  async follow(lastChange: number): Promise<void> {
    if (!this.gateway.isOpen()) return;
    if (this.told === undefined) {
      this.told = lastChange;
      for (const stream of this.onMqtt.keys()) await this.tellNewest(stream);
    }
    while (this.told < lastChange) {
      const changes = await this.windows.changes(this.told, CHANGES_AT_ONCE);
      const live = changes.filter(({ isBackfill }) => !isBackfill);
      this.bus.emit('window.published', { windows: live.map(({ result }) => result) });
      for (const { result, isNewest } of live) {
        if (result.level === 'window' && this.onMqtt.has(result.stream)) await this.tell(result, isNewest);
      }
      this.told = changes.at(-1)?.change ?? lastChange;
    }
  }

  private async tellNewest(stream: string): Promise<void> {
    let after: number | null = 0;
    while (after !== null) {
      const page: Awaited<ReturnType<WindowStore['newest']>> = await this.windows.newest(stream, after, KEYS_AT_ONCE);
      for (const window of page.windows) await this.tell(window, true);
      after = page.nextKey;
    }
  }

  /** A revision of an older window is told and not retained: the topic stands for the newest. */
  private async tell(result: WindowResult, retain: boolean): Promise<void> {
    const payload = Buffer.from(JSON.stringify(result), 'utf8');
    try {
      await this.gateway.publish({ topic: windowTopic(result.stream, result.key), payload, qos: 1, retain });
    } catch (error) {
      this.around.metrics.count('window_messages_dropped_total');
      this.around.log.warn({ err: error, stream: result.stream }, 'a window could not be told on MQTT');
    }
  }
}
