/** From a socket to the table: what is acknowledged is stored, what is poison is set aside and acknowledged too. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BOUNDS, encodeBatch, topics, type Batch, type DeadLetter, type Page, type Reading } from '@shoal/protocol';
import mqtt, { type MqttClient } from 'mqtt';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { EPOCH, reading } from '../telemetry-records.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

const READINGS = topics.records('pump-1', 'readings');

const batch = (records: Reading[], part: Partial<Batch<'readings'>> = {}): Batch<'readings'> => ({
  v: 1,
  epoch: EPOCH,
  class: 'reading',
  lane: 'live',
  sentAt: Date.now(),
  clock: { state: 'synchronised' },
  records,
  ...part,
});

const text = (value: unknown): string => JSON.stringify(value);

describe('ingest', () => {
  let server: TestServer;
  let client: MqttClient;
  const dial = (clientId: string): Promise<MqttClient> =>
    mqtt.connectAsync({ host: '127.0.0.1', port: server.mqttPort, clientId, reconnectPeriod: 0 });
  const newest = async (): Promise<DeadLetter | undefined> =>
    ((await server.get('/api/dead-letters?limit=1')) as Page<DeadLetter>).items[0];

  beforeAll(async () => {
    server = await startTestServer();
    client = await dial('pump-1');
    const birth = { v: 1, state: 'online', connectionId: 'c-1', epoch: EPOCH, agentVersion: 't', hardwareClass: 't' };
    await client.publishAsync(topics.presence('pump-1'), text({ ...birth, models: [], startedAt: 1, twinVersion: 0 }), {
      qos: 1,
    });
  });
  afterAll(async () => {
    await client.endAsync(true);
    await server.stopAndRemove();
  });

  it('has stored what it acknowledges', async () => {
    const now = Date.now();
    await client.publishAsync(READINGS, Buffer.from(encodeBatch(batch([reading(1, now), reading(2, now + 1)]))), {
      qos: 1,
    });
    expect(await server.get('/api/devices/pump-1/ranges')).toMatchObject({ epochs: [{ ranges: [[1, 2]] }] });
    expect(await server.get('/api/devices/pump-1/readings?order=desc&limit=1')).toMatchObject({
      items: [{ sequence: 2, eventAt: now + 1, clock: 'good', values: { a: 2 } }],
    });
  });

  it.each([
    ['no JSON', '{"v":1', 'PAYLOAD_NOT_JSON'],
    ['text', 'hello', 'PAYLOAD_NOT_JSON'],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'PAYLOAD_NOT_JSON'],
    ['deep JSON', `{"a":${'['.repeat(BOUNDS.jsonDepth + 1)}1${']'.repeat(BOUNDS.jsonDepth + 1)}}`, 'PAYLOAD_TOO_DEEP'],
    ['a broken archive', Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]), 'PAYLOAD_GZIP_INVALID'],
    ['a gzip bomb', gzipSync(Buffer.alloc(64 * 1_048_576, 0x20)), 'PAYLOAD_INFLATES_TOO_LARGE'],
    ['a number beyond all', text(batch([reading(5, 7)])).replace('"a":5', '"a":1e999'), 'NUMBER_NOT_FINITE'],
    ['a wrong schema', text({ ...batch([reading(5, 7)]), v: 9 }), 'SCHEMA_INVALID'],
    ['no records', text(batch([])), 'SCHEMA_INVALID'],
    ['a sequence that falls', text(batch([reading(9, 7), reading(8, 7)])), 'SCHEMA_INVALID'],
    [
      'too many records',
      gzipSync(text(batch(Array.from({ length: 1_001 }, (_, n) => reading(n + 1, 7))))),
      'BATCH_TOO_LONG',
    ],
  ])('sets %s aside, acknowledges it and counts it', async (_, payload, reason) => {
    const name = `shoal_dead_letters_total{reason="${reason}"}`;
    const before = await server.metric(name);
    await client.publishAsync(READINGS, payload, { qos: 1 });
    expect(await newest()).toMatchObject({ deviceId: 'pump-1', topic: READINGS, reason });
    expect(await server.metric(name)).toBe(before + 1);
    expect(client.connected).toBe(true);
  });

  it('sets a topic aside that a newer agent may know', async () => {
    const topic = `${READINGS}/of-tomorrow`;
    await client.publishAsync(topic, '{}', { qos: 1 });
    expect(await newest()).toMatchObject({ topic, reason: 'TOPIC_UNKNOWN' });
    await client.publishAsync(`${READINGS}/${'x/'.repeat(3)}y`, '{}', { qos: 1 });
    expect(await newest()).toMatchObject({ reason: 'TOPIC_TOO_DEEP' });
  });

  it('tells a device that a request is not served by this version', async () => {
    const replies: unknown[] = [];
    client.on('message', (_topic, payload) => replies.push(JSON.parse(payload.toString())));
    await client.subscribeAsync(topics.downFilter('pump-1'), { qos: 1 });
    const request = { v: 1, requestId: 'i-1', deadlineMs: 1_000, body: {} };
    await client.publishAsync(topics.request('pump-1', 'enrol.renew'), text(request), { qos: 1 });
    await until(() => replies.length > 0);
    expect(replies).toMatchObject([{ requestId: 'i-1', outcome: 'unsupported' }]);
  });

  it('never refuses a wrong clock', async () => {
    const far = Date.UTC(2099, 0, 1);
    const future = Buffer.from(encodeBatch(batch([reading(21, far)])));
    const lost = Buffer.from(encodeBatch(batch([reading(22, 5_000)], { clock: { state: 'unsynchronised' } })));
    const offsetMs = Date.now() - 5_000;
    const known = encodeBatch(batch([reading(23, 4_000)], { clock: { state: 'unsynchronised', offsetMs } }));
    for (const payload of [future, lost, Buffer.from(known)]) await client.publishAsync(READINGS, payload, { qos: 1 });
    const page = (await server.get('/api/devices/pump-1/readings?order=desc')) as Page<{
      sequence: number;
      clock: string;
    }>;
    const verdicts = Object.fromEntries(page.items.map((item) => [item.sequence, item.clock]));
    expect(verdicts).toMatchObject({ 21: 'bad', 22: 'bad', 23: 'adjusted' });
  });

  it('takes a batch as large as the contract allows without decoding it on the event loop', async () => {
    const now = Date.now();
    const values = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`channel-${n}`, n / 7]));
    const large = Array.from({ length: 1_000 }, (_, n) => reading(1_001 + n, now + n, values));
    await client.publishAsync(READINGS, Buffer.from(encodeBatch(batch(large))), { qos: 1 });
    expect(await server.get('/api/devices/pump-1/ranges')).toMatchObject({
      epochs: [{ ranges: expect.arrayContaining([[1_001, 2_000]]) }],
    });
  });

  it('counts what newer agents say and this version does not know, light batches and heavy ones', async () => {
    const unknown = (): Promise<number> => server.metric('shoal_unknown_fields_total');
    const novel = { ...reading(41, Date.now()), novel: 1 } as Reading;
    await client.publishAsync(READINGS, text(batch([novel])), { qos: 1 });
    expect(await unknown()).toBe(1);
    const heavy = { ...batch([reading(42, Date.now())]), padding: 'x'.repeat(200_000) };
    await client.publishAsync(READINGS, text(heavy), { qos: 1 });
    expect(await unknown()).toBe(2);
    expect(await server.get('/api/devices/pump-1/ranges')).toMatchObject({
      epochs: [{ ranges: expect.arrayContaining([[41, 42]]) }],
    });
  });

  it('tells third parties each record once, after it is stored, and each redelivery never', async () => {
    const listener = await dial('sub-listener');
    const heard: { topic: string; record: { sequence: number } }[] = [];
    listener.on('message', (topic, payload) => heard.push({ topic, record: JSON.parse(payload.toString()) as never }));
    await listener.subscribeAsync(topics.liveFilter('+', 'readings'), { qos: 0 });
    const payload = Buffer.from(encodeBatch(batch([reading(31, Date.now()), reading(32, Date.now())])));
    await client.publishAsync(READINGS, payload, { qos: 1 });
    await client.publishAsync(READINGS, payload, { qos: 1 });
    await client.publishAsync(READINGS, Buffer.from(encodeBatch(batch([reading(33, Date.now())]))), { qos: 1 });
    await until(() => heard.length >= 3);
    expect(heard.map(({ record }) => record.sequence)).toEqual([31, 32, 33]);
    expect(heard[0]).toMatchObject({ topic: topics.live('pump-1', 'readings'), record: { deviceId: 'pump-1' } });
    await listener.endAsync(true);
  });

  it('exports everything that matches', async () => {
    const all = (await server.get('/api/devices/pump-1/ranges')) as { epochs: { count: number }[] };
    const lines = (await (await fetch(`${server.httpUrl}/api/devices/pump-1/readings?format=ndjson`)).text()).trimEnd();
    expect(lines.split('\n')).toHaveLength(all.epochs[0]?.count ?? 0);
    const csv = await (await fetch(`${server.httpUrl}/api/devices/pump-1/readings?format=csv`)).text();
    expect(csv.split('\r\n')[0]).toBe(
      'deviceId,epoch,sequence,eventAt,observedAt,receivedAt,clock,source,values,marks',
    );
  });

  it('knows no device it has never met', async () => {
    expect(await server.get('/api/devices/pump-99/readings')).toMatchObject({ code: 'DEVICE_NOT_FOUND', status: 404 });
  });
});
