/** Mutated MQTT sessions beside an honest device: nothing crashes, nothing hangs, the honest device loses nothing. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { topics, type ReceivedRanges } from '@shoal/protocol';
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { RawMqtt } from '../raw-mqtt.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

let server: TestServer;
let honest: TestDevice;
beforeAll(async () => {
  server = await startTestServer({ SHOAL_MQTT_CONNECT_TIMEOUT_MS: '500' });
  honest = await TestDevice.online(server.mqttPort, 'honest');
});
afterAll(async () => {
  await honest.stop();
  await server.stopAndRemove();
});

const clientId = fc.constantFrom('fuzz-1', 'fuzz-2', 'sub-1', '', '\u0000', '../..', 'x'.repeat(300));
const topic = fc.constantFrom(
  topics.records('fuzz-1', 'readings'),
  topics.presence('fuzz-1'),
  topics.reportedTwin('fuzz-1'),
  topics.request('fuzz-1', 'time'),
  topics.request('fuzz-1', 'context'),
  topics.commandOutcome('fuzz-1', 'k-1'),
  topics.records('honest', 'readings'),
  '$SYS/x',
  '',
  '#',
  'a/'.repeat(500),
);
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  fc.constantFrom(Buffer.from('{"v":1}'), Buffer.from([0x1f, 0x8b]), Buffer.from('['.repeat(5_000))),
);
const packet: fc.Arbitrary<Packet> = fc.oneof(
  fc
    .record({
      topic,
      payload,
      qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      messageId: fc.integer({ min: 1, max: 65_535 }),
    })
    .map((it): Packet => ({ cmd: 'publish', ...it, payload: Buffer.from(it.payload), dup: false, retain: false })),
  topic.map((filter): Packet => ({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: filter, qos: 1 }] })),
  fc.constantFrom<Packet>({ cmd: 'pingreq' }, { cmd: 'puback', messageId: 9 }, { cmd: 'disconnect' }),
);

/** Packets mqtt-packet itself refuses to write are left out: the bytes are mutated anyway. */
const bytesOf = (written: Packet): Buffer => {
  try {
    return generate(written, { protocolVersion: 4 });
  } catch {
    return Buffer.alloc(0);
  }
};

const session = fc
  .record({ clientId, packets: fc.array(packet, { maxLength: 6 }) })
  .map(({ clientId: id, packets }) =>
    Buffer.concat([
      bytesOf({ cmd: 'connect', clientId: id, protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 }),
      ...packets.map(bytesOf),
    ]),
  );
const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
const attack = fc
  .tuple(session, fc.array(mutation, { maxLength: 4 }), fc.option(fc.nat()))
  .map(([bytes, mutations, cut]) => {
    const mutated = Buffer.from(bytes);
    for (const { at, byte } of mutations) if (mutated.length > 0) mutated[at % mutated.length] = byte;
    return cut === null ? mutated : mutated.subarray(0, cut % (mutated.length + 1));
  });

/** Writes in two pieces, waits for whatever comes of it, and goes. */
const run = async (bytes: Buffer): Promise<void> => {
  const client = new RawMqtt(server.mqttPort);
  const middle = bytes.length >> 1;
  client.write(bytes.subarray(0, middle));
  await new Promise((resolve) => setImmediate(resolve));
  client.write(bytes.subarray(middle));
  // The half that is whole enough to be served has an answer before this one.
  await server.get('/health/live');
  client.close();
};

test('400 sessions of mutated packets', async () => {
  let sent = 0;
  const publishOn = async (): Promise<void> => {
    sent += 1;
    await honest.records('readings', [{ sequence: sent, observedAt: Date.now(), source: 'pump', values: { a: sent } }]);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(attack, { minLength: 8, maxLength: 8 }), async (attacks) => {
      await Promise.all([...attacks.map(run), publishOn()]);
    }),
    { numRuns: 50 },
  );
  expect(honest.client.connected).toBe(true);
  const { epochs } = (await server.get('/api/devices/honest/ranges')) as ReceivedRanges;
  expect(epochs).toMatchObject([{ ranges: [[1, sent]], count: sent }]);
  expect(await server.get('/health/ready')).toMatchObject({ status: 'ok' });
  const connections = async (): Promise<unknown> =>
    ((await server.get('/api/overview')) as { connections: number }).connections;
  await until(async () => (await connections()) === 1);
}, 60_000);
