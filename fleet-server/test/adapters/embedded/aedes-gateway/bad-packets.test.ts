/** What a hostile or broken client can send: each is refused and counted, and nobody else notices. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BOUNDS, topics } from '@shoal/protocol';
import { RawMqtt } from '../../../raw-mqtt.ts';
import { startTestServer, until, type TestServer } from '../../../running-server.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

const READINGS = topics.records('pump-1', 'readings');

describe('the gateway', () => {
  let server: TestServer;
  const open: RawMqtt[] = [];
  const dial = (): RawMqtt => {
    const client = new RawMqtt(server.mqttPort);
    open.push(client);
    return client;
  };
  const device = async (deviceId: string): Promise<RawMqtt> => {
    const client = dial();
    client.connect(deviceId);
    await until(() => client.count('connack') === 1);
    return client;
  };
  const refusals = (code: string): Promise<number> => server.metric(`shoal_refusals_total{code="${code}"}`);
  /** How often `code` was counted until the connection was closed. */
  const refusalsAtClose = async (client: RawMqtt, code: string): Promise<number> => {
    await until(() => client.isClosed);
    return refusals(code);
  };

  beforeAll(async () => {
    server = await startTestServer({ SHOAL_MQTT_CONNECT_TIMEOUT_MS: '150' });
  });
  afterEach(() => {
    for (const client of open.splice(0)) client.close();
  });
  afterAll(() => server.stopAndRemove());

  it.each([
    ['no MQTT at all', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a reserved packet type', Buffer.from([0x00, 0x00])],
    ['reserved flags', Buffer.from([0x15, 0x02, 0x00, 0x00])],
    ['a protocol that does not exist', Buffer.from([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x58, 4, 2, 0, 0, 0, 0])],
  ])('closes a connection that sends %s', async (_, bytes) => {
    const client = dial();
    client.write(bytes);
    await until(() => client.isClosed);
    expect(client.count('connack')).toBe(0);
  });

  it('closes a connection that publishes before it connects', async () => {
    const client = dial();
    client.publish(READINGS, '{}', 1);
    await until(() => client.isClosed);
    expect(client.count('puback')).toBe(0);
  });

  it('closes a connected client on a malformed packet and serves the others on', async () => {
    const victim = await device('pump-1');
    const other = await device('pump-2');
    victim.write(Buffer.from([0x32, 0x03, 0xff, 0xff, 0xff]));
    await until(() => victim.isClosed);
    other.send({ cmd: 'pingreq' });
    await until(() => other.count('pingresp') === 1);
    expect(other.isClosed).toBe(false);
  });

  it('closes a connection that publishes under packet identifier 0 [MQTT-2.3.1-1]', async () => {
    const client = await device('pump-1');
    const before = await refusals('MQTT_PROTOCOL_ERROR');
    const topic = Buffer.from(READINGS);
    const body = Buffer.concat([Buffer.from([0, topic.length]), topic, Buffer.from([0, 0]), Buffer.from('{}')]);
    client.write(Buffer.concat([Buffer.from([0x32, body.length]), body]));
    expect(await refusalsAtClose(client, 'MQTT_PROTOCOL_ERROR')).toBe(before + 1);
    expect(client.count('puback')).toBe(0);
  });

  it('refuses a frame over 4 kB before CONNACK', async () => {
    const before = await refusals('FRAME_REFUSED');
    const client = dial();
    client.connect('pump-1', { username: 'x'.repeat(BOUNDS.frameBeforeConnackBytes) });
    expect(await refusalsAtClose(client, 'FRAME_REFUSED')).toBe(before + 1);
  });

  it('refuses a frame over 256 kB after CONNACK by its header, before its body is sent', async () => {
    const before = await refusals('FRAME_REFUSED');
    const client = await device('pump-1');
    client.write(Buffer.from([0x32, 0x80, 0x80, 0x80, 0x08]));
    expect(await refusalsAtClose(client, 'FRAME_REFUSED')).toBe(before + 1);
  });

  it('reaps a connection that never connects', async () => {
    const silent = dial();
    const half = dial();
    half.write(Buffer.from([0x10, 0x20, 0x00]));
    await until(() => silent.isClosed && half.isClosed);
    expect([...silent.packets, ...half.packets]).toEqual([]);
  });

  it('answers MQTT 5 with "unacceptable protocol version" and closes', async () => {
    const client = dial();
    const { generate } = await import('mqtt-packet');
    const fixed = { protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 0, properties: {} } as const;
    client.write(generate({ cmd: 'connect', clientId: 'pump-1', ...fixed }, { protocolVersion: 5 }));
    await until(() => client.isClosed);
    expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 1 }]);
  });

  it('refuses an empty client id that wants its session kept [MQTT-3.1.3-8]', async () => {
    const client = dial();
    client.write(Buffer.from([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0]));
    await until(() => client.isClosed);
    expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 2 }]);
  });

  it.each([
    ['another device', topics.records('pump-2', 'readings'), 'DEVICE_MISMATCH'],
    ['its own down side', topics.desiredTwin('pump-1'), 'DEVICE_MISMATCH'],
    ['a public topic', topics.live('pump-1', 'readings'), 'TOPIC_FORBIDDEN'],
    ['$SYS', '$SYS/broker/new/clients', 'TOPIC_FORBIDDEN'],
  ])('closes a device that publishes to %s', async (_, topic, code) => {
    const before = await refusals(code);
    const client = await device('pump-1');
    client.publish(topic, '{}', 1);
    expect(await refusalsAtClose(client, code)).toBe(before + 1);
    expect(client.count('puback')).toBe(0);
  });

  it('closes a device that publishes with QoS 2', async () => {
    const before = await refusals('QOS_UNSUPPORTED');
    const client = await device('pump-1');
    client.publish(READINGS, '{}', 1, 2);
    expect(await refusalsAtClose(client, 'QOS_UNSUPPORTED')).toBe(before + 1);
  });

  it('closes a third party that publishes', async () => {
    const before = await refusals('TOPIC_FORBIDDEN');
    const client = await device('sub-screen');
    client.publish(topics.live('pump-1', 'readings'), '{}', 1);
    expect(await refusalsAtClose(client, 'TOPIC_FORBIDDEN')).toBe(before + 1);
  });

  it('does not close for a will that it refuses, and counts it', async () => {
    const before = await refusals('DEVICE_MISMATCH');
    const client = dial();
    const topic = topics.presence('pump-2');
    client.connect('pump-1', { will: { topic, payload: Buffer.from('{}'), qos: 1, retain: true } });
    await until(() => client.count('connack') === 1);
    client.close();
    await until(async () => (await refusals('DEVICE_MISMATCH')) > before);
    expect(await refusals('DEVICE_MISMATCH')).toBe(before + 1);
  });

  it.each([
    ['pump-1', '#'],
    ['pump-1', topics.downFilter('pump-2')],
    ['pump-1', 'shoal/v1/devices/+/down/#'],
    ['pump-1', topics.liveFilter()],
    ['sub-screen', '#'],
    ['sub-screen', '$SYS/#'],
    ['sub-screen', topics.downFilter('pump-1')],
    ['sub-screen', 'shoal/v1/devices/pump-1/up/#'],
  ])('answers %s with failure for the filter %s', async (clientId, topic) => {
    const client = await device(clientId);
    client.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic, qos: 1 }] });
    await until(() => client.count('suback') === 1);
    expect(client.packets.find((packet) => packet.cmd === 'suback')).toMatchObject({ granted: [0x80] });
  });
});
