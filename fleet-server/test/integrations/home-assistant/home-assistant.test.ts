/** Home Assistant end to end: a device opts in, is shown, raises an alert, opts out, and leaves no ghost after a kill either. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  HOME_ASSISTANT_IS_THERE,
  homeAssistantConfigSchema,
  homeAssistantStateSchema,
  topics,
  type HomeAssistantConfig,
  type HomeAssistantState,
} from '@shoal/protocol';
import { connectAsync, type MqttClient } from 'mqtt';
import { call, type Method } from '../../call.ts';
import { startTestServer, until, type TestServer } from '../../running-server.ts';
import { TestDevice } from '../../test-device.ts';

jest.setTimeout(60_000);

/** As Home Assistant connects by default: an id of its own making, a birth and a last will on its status topic. */
class HomeAssistant {
  readonly heard: { readonly topic: string; readonly text: string; readonly retain: boolean }[] = [];
  private constructor(private readonly client: MqttClient) {
    client.on('message', (topic, payload, { retain }) => this.heard.push({ topic, text: payload.toString(), retain }));
  }

  static async start(port: number): Promise<HomeAssistant> {
    const status = topics.homeAssistantStatus();
    const client = await connectAsync({
      host: '127.0.0.1',
      port,
      clientId: '4QqkVbTx0YbQmZ1aKcN9wE',
      protocolVersion: 4,
      reconnectPeriod: 0,
      will: { topic: status, payload: Buffer.from('offline'), qos: 0, retain: false },
    });
    const home = new HomeAssistant(client);
    await client.subscribeAsync(['homeassistant/+/+/config', 'homeassistant/+/+/+/config'], { qos: 0 });
    await client.subscribeAsync(topics.homeAssistantState('pump-1'), { qos: 0 });
    await client.publishAsync(status, HOME_ASSISTANT_IS_THERE, { qos: 0 });
    return home;
  }

  get isConnected(): boolean {
    return this.client.connected;
  }

  texts(topic: string): string[] {
    return this.heard.filter((message) => message.topic === topic).map(({ text }) => text);
  }

  config(deviceId: string): HomeAssistantConfig | undefined {
    const text = this.texts(topics.homeAssistantConfig(deviceId)).at(-1) ?? '';
    return text === '' ? undefined : homeAssistantConfigSchema.parse(JSON.parse(text));
  }

  state(deviceId: string): HomeAssistantState | undefined {
    const text = this.texts(topics.homeAssistantState(deviceId)).at(-1) ?? '';
    return text === '' ? undefined : homeAssistantStateSchema.parse(JSON.parse(text));
  }

  async stop(): Promise<void> {
    await this.client.endAsync();
  }
}

describe('Home Assistant', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'shoal-server-'));
  const CONFIG = topics.homeAssistantConfig('pump-1');
  let server: TestServer;
  let device: TestDevice;
  let home: HomeAssistant;
  beforeAll(async () => {
    server = await startTestServer({ SHOAL_ALERTS_IDLE_MS: '20' }, dataDir);
    device = await TestDevice.online(server.mqttPort, 'pump-1');
    home = await HomeAssistant.start(server.mqttPort);
  });
  afterAll(async () => {
    await home.stop();
    await server.stopAndRemove();
  });

  const ask = async (method: Method, path: string, body?: unknown): Promise<void> => {
    const { status, text } = await call(method, `${server.httpUrl}/api/${path}`, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  };
  const optIn = (value: string | null, deviceId = 'pump-1'): Promise<void> =>
    ask('PATCH', `devices/${deviceId}`, { labels: { 'home-assistant': value } });
  let sequence = 0;
  const say = async (values: Record<string, number>): Promise<void> => {
    sequence += 1;
    await device.records('readings', [{ sequence, observedAt: Date.now(), source: 'pump', values }]);
  };

  it('is shown a device that opted in, with its readings as they come', async () => {
    await say({ Pressure: 0.4 });
    expect(home.heard).toEqual([]);
    await optIn('yes');
    await until(() => home.config('pump-1') !== undefined);
    await say({ Pressure: 0.5, Temperature: 60 });
    await until(() => Object.keys(home.config('pump-1')?.components ?? {}).length === 3);
    expect(Object.keys(home.config('pump-1')?.components ?? {})).toEqual([
      'alert',
      'readings-pump-Pressure',
      'readings-pump-Temperature',
    ]);
    expect(home.state('pump-1')).toEqual({ availability: 'online', alert: 'OFF', alerts: [] });
  });

  it('hears of an alert, and that the device is gone', async () => {
    const when = { value: 'Temperature', above: 80 };
    await ask('POST', 'alert-rules', { name: 'hot', on: { kind: 'readings' }, when });
    await say({ Temperature: 90 });
    await until(() => home.state('pump-1')?.alert === 'ON');
    expect(home.state('pump-1')?.alerts).toEqual(['hot']);
    await say({ Temperature: 20 });
    await until(() => home.state('pump-1')?.alert === 'OFF');
    await device.stop();
    await until(() => home.state('pump-1')?.availability === 'offline');
  });

  it('finds it retained after a start of its own, and is told of its end with an empty message', async () => {
    await home.stop();
    home = await HomeAssistant.start(server.mqttPort);
    await until(() => home.state('pump-1') !== undefined);
    expect(home.heard).toContainEqual(expect.objectContaining({ topic: CONFIG, retain: true }));
    await optIn(null);
    await until(() => home.texts(CONFIG).at(-1) === '');
    await optIn('yes');
    await until(() => home.config('pump-1') !== undefined);
  });

  it('keeps no ghost of a device that opted out or was removed just before the server died', async () => {
    await ask('POST', 'devices', { deviceId: 'pump-2', labels: { 'home-assistant': 'yes' } });
    await until(() => home.config('pump-2') !== undefined);
    await home.stop();
    await optIn('no');
    await ask('DELETE', 'devices/pump-2');
    // Neither was told: what is left is the record of what had been shown.
    await server.stop();
    server = await startTestServer({}, dataDir);
    home = await HomeAssistant.start(server.mqttPort);
    // One that was started since has them in its registry and has not discovered them: it does, and then hears that they are gone.
    const lastTwo = (id: string): string[] => home.texts(topics.homeAssistantConfig(id)).slice(-2);
    const isTakenBack = (id: string): boolean =>
      lastTwo(id)[0]?.includes(`"shoal-${id}"`) === true && lastTwo(id)[1] === '';
    await until(() => ['pump-1', 'pump-2'].every(isTakenBack));
    expect(home.heard.some(({ retain }) => retain)).toBe(false);
    expect(home.isConnected).toBe(true);
  });
});
