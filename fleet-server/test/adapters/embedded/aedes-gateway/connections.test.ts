/** Sessions: one per device, told in order; and the way down. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { topics } from '@shoal/protocol';
import { pino } from 'pino';
import { AedesGateway } from '../../../../src/adapters/embedded/aedes-gateway/aedes-gateway.ts';
import { LoopbackAuthenticator } from '../../../../src/adapters/embedded/loopback-authenticator.ts';
import { PrometheusMetrics } from '../../../../src/adapters/embedded/prometheus-metrics.ts';
import { SystemClock } from '../../../../src/adapters/embedded/system-clock.ts';
import { loadConfig } from '../../../../src/config.ts';
import { UP, type ConnectionChange, type UpMessage } from '../../../../src/ports/device-gateway.ts';
import { RawMqtt } from '../../../raw-mqtt.ts';
import { until } from '../../../running-server.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

const DOWN = topics.downFilter('pump-1');
const TWIN = topics.desiredTwin('pump-1');
const PAYLOAD = Buffer.from('{"v":1}');

describe('the sessions of the gateway', () => {
  let gateway: AedesGateway;
  const told: [string, ConnectionChange | UpMessage][] = [];
  const open: RawMqtt[] = [];
  let answerRecords: () => Promise<readonly number[]> = () => Promise.resolve([]);
  const device = async (clientId: string, part: object = {}): Promise<RawMqtt> => {
    const client = new RawMqtt(gateway.port);
    open.push(client);
    client.connect(clientId, part);
    await until(() => client.count('connack') === 1);
    return client;
  };
  const subscribe = async (client: RawMqtt, topic: string): Promise<void> => {
    client.send({ cmd: 'subscribe', messageId: 5, subscriptions: [{ topic, qos: 1 }] });
    await until(() => client.count('suback') === 1);
  };
  const toldOf = (...patterns: string[]) =>
    told.filter(([pattern]) => patterns.includes(pattern)).map(([, data]) => data);

  beforeAll(async () => {
    const environment = { SHOAL_MQTT_PORT: '0', SHOAL_MQTT_DRAIN_TIMEOUT_MS: '300' };
    gateway = new AedesGateway(loadConfig({ file: undefined, environment, flags: {} }).mqtt, {
      authenticator: new LoopbackAuthenticator(),
      clock: new SystemClock(),
      metrics: new PrometheusMetrics(),
      log: pino({ level: 'silent' }),
    });
    await gateway.start({
      records: () => answerRecords(),
      single: async (pattern, data) => {
        told.push([pattern, data as ConnectionChange]);
      },
    });
  });
  afterEach(async () => {
    for (const client of open.splice(0)) client.close();
    await until(() => gateway.connectionCount() === 0);
    told.length = 0;
  });
  afterAll(() => gateway.stop());

  it('tells connected, subscribed and disconnected in order', async () => {
    const client = await device('pump-1');
    expect(gateway.isConnected('pump-1')).toBe(true);
    await subscribe(client, DOWN);
    client.close();
    await until(() => told.length === 3);
    expect(told.map(([pattern]) => pattern)).toEqual([UP.connected, UP.subscribed, UP.disconnected]);
    expect(gateway.isConnected('pump-1')).toBe(false);
  });

  it('sends down only to a live subscription', async () => {
    expect(await gateway.send('pump-1', TWIN, PAYLOAD)).toBe(false);
    const client = await device('pump-1');
    expect(await gateway.send('pump-1', TWIN, PAYLOAD)).toBe(false);
    await subscribe(client, DOWN);
    expect(await gateway.send('pump-1', TWIN, PAYLOAD)).toBe(true);
    await until(() => client.count('publish') === 1);
    expect(client.packets.at(-1)).toMatchObject({ topic: TWIN, qos: 1, payload: PAYLOAD });
  });

  it('lets the newer connection of a device take over, and keeps it known when the older one ends', async () => {
    const older = await device('pump-1');
    const newer = await device('pump-1');
    await until(() => older.isClosed && toldOf(UP.disconnected).length === 1);
    expect(gateway.connectionCount()).toBe(1);
    expect(gateway.isConnected('pump-1')).toBe(true);
    await subscribe(newer, DOWN);
    expect(await gateway.send('pump-1', TWIN, PAYLOAD)).toBe(true);
    const [first, second] = toldOf(UP.connected) as ConnectionChange[];
    expect(toldOf(UP.disconnected)).toMatchObject([{ socketId: first?.socketId }]);
    expect(second?.socketId).not.toBe(first?.socketId);
  });

  it('stays exact through a storm of takeovers', async () => {
    const storm = Array.from({ length: 30 }, () => {
      const client = new RawMqtt(gateway.port);
      open.push(client);
      client.connect('pump-1');
      return client;
    });
    await until(() => storm.filter((client) => !client.isClosed).length === 1);
    await until(() => toldOf(UP.connected).length === toldOf(UP.disconnected).length + 1);
    expect(gateway.connectionCount()).toBe(1);
    const [survivor] = storm.filter((client) => !client.isClosed);
    survivor?.send({ cmd: 'pingreq' });
    await until(() => survivor?.count('pingresp') === 1);
  });

  it('delivers the last will of a lost device, and none after a goodbye', async () => {
    const topic = topics.presence('pump-1');
    const will = { topic, payload: PAYLOAD, qos: 1, retain: true };
    (await device('pump-1', { will })).close();
    await until(() => toldOf(UP.presence).length === 1);
    expect(toldOf(UP.presence)).toMatchObject([{ deviceId: 'pump-1', topicName: topic }]);
    const polite = await device('pump-2', { will: { ...will, topic: topics.presence('pump-2') } });
    polite.send({ cmd: 'disconnect' });
    await until(() => toldOf(UP.disconnected).length === 2);
    expect(toldOf(UP.presence)).toHaveLength(1);
    expect((toldOf(UP.disconnected).at(-1) as ConnectionChange).why).toContain('goodbye');
  });

  it('closes a connection on demand and says why', async () => {
    const client = await device('pump-1');
    await gateway.disconnect('pump-1', 'removed');
    await until(() => client.isClosed && toldOf(UP.disconnected).length === 1);
    expect(toldOf(UP.disconnected)).toMatchObject([{ why: 'removed' }]);
  });

  it('acknowledges only when the handler has, and closes without acknowledgement when it fails', async () => {
    let release: (counts: readonly number[]) => void = () => undefined;
    answerRecords = () => new Promise((resolve) => (release = resolve));
    const client = await device('pump-1');
    client.publish(topics.records('pump-1', 'readings'), PAYLOAD, 7);
    client.send({ cmd: 'pingreq' });
    await until(() => client.count('pingresp') === 1);
    expect(client.count('puback')).toBe(0);
    release([1]);
    await until(() => client.count('puback') === 1);
    answerRecords = () => Promise.reject(new Error('disk full'));
    client.publish(topics.records('pump-1', 'readings'), PAYLOAD, 8);
    await until(() => client.isClosed);
    expect(client.count('puback')).toBe(1);
    answerRecords = () => Promise.resolve([]);
  });

  it('slows a device down that sends more records than its rate allows', async () => {
    answerRecords = () => Promise.resolve([102_000]);
    const fast = await device('pump-1');
    const other = await device('pump-2');
    const order: string[] = [];
    fast.publish(topics.records('pump-1', 'readings'), PAYLOAD, 1);
    other.publish(topics.presence('pump-2'), PAYLOAD, 1);
    await until(() => {
      if (other.count('puback') === 1 && !order.includes('other')) order.push('other');
      if (fast.count('puback') === 1 && !order.includes('fast')) order.push('fast');
      return order.length === 2;
    });
    expect(order).toEqual(['other', 'fast']);
    answerRecords = () => Promise.resolve([]);
  });

  it('lets a slow third party lose live messages and holds nobody', async () => {
    const topic = topics.live('pump-1', 'readings');
    const slow = await device('sub-slow');
    const quick = await device('sub-quick');
    for (const client of [slow, quick]) await subscribe(client, topics.liveFilter());
    expect(gateway.hasPublicSubscribers()).toBe(true);
    slow.stopReading();
    const payload = Buffer.alloc(16_384, 0x20);
    const messages = 1_500;
    for (let sent = 0; sent < messages; sent += 1) {
      void gateway.publish({ topic, payload, qos: 0, retain: false });
      if (sent % 50 === 49) await until(() => quick.count('publish') === sent + 1);
    }
    expect(quick.count('publish')).toBe(messages);
    slow.close();
    quick.close();
    await until(() => !gateway.hasPublicSubscribers());
  });

  it('hands a retained public message to whoever subscribes later, and takes it back when it is empty', async () => {
    const topic = topics.fleetSummary();
    await gateway.publish({ topic, payload: PAYLOAD, qos: 1, retain: true });
    const late = await device('sub-late');
    await subscribe(late, topic);
    await until(() => late.count('publish') === 1);
    await gateway.publish({ topic, payload: new Uint8Array(0), qos: 1, retain: true });
    await until(() => late.count('publish') === 2);
    const later = await device('sub-later');
    await subscribe(later, topic);
    later.send({ cmd: 'pingreq' });
    await until(() => later.count('pingresp') === 1);
    expect(later.count('publish')).toBe(0);
  });
});
