/** A device for tests: an MQTT.js client that speaks the contract and remembers what the server told it. */
import {
  decodeFrame,
  encodeBatch,
  encodeFrame,
  isInferFrame,
  topics,
  type Batch,
  type Birth,
  type BirthReply,
  type RecordKind,
  type Reply,
  type Will,
} from '@shoal/protocol';
import { connectAsync, type MqttClient } from 'mqtt';
import { until } from './running-server.ts';

export interface Heard {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Undefined for what is no JSON frame. */
  readonly body: unknown;
}

export const EPOCH = '9f86d081884c7d659a2f';

export class TestDevice {
  readonly deviceId: string;
  readonly connectionId: string;
  readonly client: MqttClient;
  readonly heard: Heard[] = [];

  private constructor(deviceId: string, connectionId: string, client: MqttClient) {
    this.deviceId = deviceId;
    this.connectionId = connectionId;
    this.client = client;
    client.on('message', (topic, payload) =>
      this.heard.push({ topic, payload, body: isInferFrame(payload) ? undefined : decodeFrame(payload) }),
    );
    client.on('error', () => {});
  }

  /** Connected, with its last will, and nothing more. */
  static async connect(port: number, deviceId: string, connectionId = `c-${deviceId}`): Promise<TestDevice> {
    const will: Will = { v: 1, state: 'offline', connectionId, reason: 'lost' };
    const client = await connectAsync({
      protocol: 'mqtt',
      host: '127.0.0.1',
      port,
      clientId: deviceId,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      will: { topic: topics.presence(deviceId), payload: Buffer.from(encodeFrame(will)), qos: 1, retain: false },
    });
    return new TestDevice(deviceId, connectionId, client);
  }

  /** Connected, subscribed, born and answered. */
  static async online(port: number, deviceId: string, connectionId?: string): Promise<TestDevice> {
    const device = await TestDevice.connect(port, deviceId, connectionId);
    await device.subscribe();
    await device.bear();
    await device.reply(device.connectionId);
    return device;
  }

  async subscribe(): Promise<void> {
    await this.client.subscribeAsync(topics.downFilter(this.deviceId), { qos: 1 });
  }

  /** Resolved = acknowledged. */
  async bear(overrides: Partial<Birth> = {}): Promise<void> {
    const birth: Birth = {
      v: 1,
      state: 'online',
      connectionId: this.connectionId,
      epoch: EPOCH,
      agentVersion: '0.1.0',
      hardwareClass: 'test',
      models: [{ name: 'pump-anomaly', version: '1.0.0' }],
      startedAt: 1,
      twinVersion: 0,
      ...overrides,
    };
    await this.say(topics.presence(this.deviceId), birth);
  }

  async say(topic: string, body: object): Promise<void> {
    await this.client.publishAsync(topic, Buffer.from(encodeFrame(body)), { qos: 1 });
  }

  async records<K extends RecordKind>(kind: K, records: Batch<K>['records']): Promise<void> {
    const state = { state: 'synchronised' } as const;
    const batch: Batch<K> = {
      v: 1,
      epoch: EPOCH,
      class: kind === 'readings' ? 'reading' : 'alarm',
      lane: 'live',
      sentAt: Date.now(),
      clock: state,
      records,
    };
    await this.client.publishAsync(topics.records(this.deviceId, kind), Buffer.from(encodeBatch(batch)), { qos: 1 });
  }

  /** The first body heard on a topic. */
  async hears<T>(topic: string): Promise<T> {
    return (await this.first(topic)).body as T;
  }

  /** The first payload heard on a topic. */
  async hearsBytes(topic: string): Promise<Uint8Array> {
    return (await this.first(topic)).payload;
  }

  async reply(requestId: string): Promise<Reply & { body: BirthReply }> {
    return this.hears(topics.reply(this.deviceId, requestId));
  }

  private async first(topic: string): Promise<Heard> {
    const find = (): Heard | undefined => this.heard.find((message) => message.topic === topic);
    await until(() => find() !== undefined);
    return find() as Heard;
  }

  /** In good order: farewell, then DISCONNECT. */
  async stop(): Promise<void> {
    const farewell: Will = { v: 1, state: 'offline', connectionId: this.connectionId, reason: 'stopped' };
    await this.say(topics.presence(this.deviceId), farewell);
    await this.client.endAsync();
  }

  /** The socket breaks without a word. */
  vanish(): void {
    this.client.stream.destroy();
  }
}
