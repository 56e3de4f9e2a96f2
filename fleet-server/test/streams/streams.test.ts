/** Streams end to end in the whole server: defined, filled from real messages, published, revised by late data, removed. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  topics,
  type AuditEntry,
  type EntityFeatures,
  type Page,
  type Problem,
  type Reading,
  type StreamDocument,
  type StreamPreviewAnswer,
  type StreamStatus,
  type WindowResult,
} from '@shoal/protocol';
import { connectAsync } from 'mqtt';
import { call, type Answer, type Method } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

const MINUTE_MS = 60_000;
const PUMP = {
  name: 'pump-minute',
  source: { kind: 'readings' },
  key: { by: 'device' },
  window: { kind: 'tumbling', sizeMs: MINUTE_MS },
  aggregates: [
    { name: 'records', aggregate: 'count' },
    { name: 'load', aggregate: 'mean', value: 'a * 2' },
    { name: 'spread', aggregate: 'quantiles', value: 'a', shares: [0.5] },
    { name: 'values', aggregate: 'distinct', value: 'a' },
  ],
  allowedLatenessMs: 0,
  idleTimeoutMs: 1_000,
  publish: 'mqtt',
};

/** Minutes ago, at the full minute. */
const minute = (ago: number): number => Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - ago * MINUTE_MS;

const readings = (first: number, from: number, values: readonly number[]): Reading[] =>
  values.map((a, index) => ({
    sequence: first + index,
    observedAt: from + index * 1_000,
    source: 'pump',
    values: { a },
  }));

describe('streams', () => {
  let server: TestServer;
  let device: TestDevice;
  beforeAll(async () => {
    server = await startTestServer({ SHOAL_STREAMS_IDLE_MS: '20' });
    device = await TestDevice.online(server.mqttPort, 'pump-1');
  });
  afterAll(async () => {
    await device.client.endAsync();
    await server.stopAndRemove();
  });

  const ask = <T>(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> =>
    call<T>(method, `${server.httpUrl}/api/${path}`, body, headers);
  const windows = async (query = ''): Promise<WindowResult[]> =>
    ((await server.get(`/api/streams/pump-minute/windows?${query}`)) as Page<WindowResult>).items;

  it('fills a new stream from what is stored, publishes, and revises when data comes late', async () => {
    const [early, late] = [minute(150), minute(148)];
    await device.records('readings', readings(1, early, [1, 2, 3]));
    await device.records('readings', readings(4, late, [10]));
    const made = await ask<StreamDocument>('POST', 'streams', PUMP);
    expect([made.status, made.headers.get('location')]).toEqual([201, '/api/streams/pump-minute']);
    await until(async () => (await windows()).length === 2);
    const [first, second] = await windows();
    expect(first).toMatchObject({
      stream: 'pump-minute',
      key: 'pump-1',
      level: 'window',
      startAt: early,
      endAt: early + MINUTE_MS,
      state: 'final',
      records: 3,
      clockBad: 0,
      values: { records: 3, load: 4, values: 3 },
    });
    expect(first?.values['spread']).toEqual({ p50: expect.closeTo(2, 1) });
    expect(second).toMatchObject({ startAt: late, revision: 1, values: { load: 20 } });
    const before = first?.revision ?? 0;
    await device.records('readings', readings(5, early + 30_000, [6]));
    await until(async () => (await windows())[0]?.records === 4);
    expect((await windows())[0]).toMatchObject({
      revision: before + 1,
      state: 'final',
      values: { load: 6, values: 4 },
    });
    const status = (await server.get('/api/streams/pump-minute/status')) as StreamStatus;
    expect(status).toMatchObject({ isCaughtUp: true, tally: { windowed: 5, late: 1, filtered: 0 } });
  });

  it('rolls minutes up to hours and days that change with them', async () => {
    await until(
      async () => (await windows('level=day&state=all')).reduce((sum, { records }) => sum + records, 0) === 5,
    );
    const hours = await windows('level=hour&state=all');
    expect(hours.reduce((sum, { records }) => sum + records, 0)).toBe(5);
  });

  it('tells windows on retained topics, to those who come later too', async () => {
    const client = await connectAsync({
      protocol: 'mqtt',
      host: '127.0.0.1',
      port: server.mqttPort,
      clientId: 'sub-1',
    });
    const heard: { topic: string; result: WindowResult; retain: boolean }[] = [];
    client.on('message', (topic, payload, { retain }) =>
      heard.push({ topic, result: JSON.parse(payload.toString('utf8')) as WindowResult, retain }),
    );
    await client.subscribeAsync(topics.window('pump-minute', '+'), { qos: 1 });
    const at = minute(20);
    await device.records('readings', readings(6, at, [7]));
    await until(() => heard.some(({ result }) => result.startAt === at));
    expect(heard.find(({ result }) => result.startAt === at)).toMatchObject({
      topic: topics.window('pump-minute', 'pump-1'),
      result: { values: { load: 14 } },
    });
    await device.records('readings', readings(7, at - 2 * MINUTE_MS, [5]));
    await until(() => heard.some(({ result }) => result.startAt === at - 2 * MINUTE_MS));
    await client.endAsync();
    const later = await connectAsync({ protocol: 'mqtt', host: '127.0.0.1', port: server.mqttPort, clientId: 'sub-2' });
    const retained: WindowResult[] = [];
    later.on('message', (_, payload) => retained.push(JSON.parse(payload.toString('utf8')) as WindowResult));
    await later.subscribeAsync(topics.window('pump-minute', '+'), { qos: 1 });
    await until(() => retained.length > 0);
    expect(retained.map(({ startAt }) => startAt)).toEqual([at]);
    await later.endAsync();
  });

  it('runs a definition over history without saving it', async () => {
    const definition = { ...PUMP, name: 'trial', where: 'a > 2', key: { by: 'label', label: 'site' } };
    const unkeyed = (await ask<StreamPreviewAnswer>('POST', 'streams/preview', { definition })).body;
    expect(unkeyed).toMatchObject({ windowCount: 0, isComplete: true, tally: { filtered: 2 } });
    expect(unkeyed.tally.unkeyed).toBe(unkeyed.recordsRead - 2);
    await ask('PATCH', 'devices/pump-1', { labels: { site: 'north' } });
    const keyed = (await ask<StreamPreviewAnswer>('POST', 'streams/preview', { definition, limit: 1 })).body;
    expect(keyed.windows.map(({ key, records }) => [key, records])).toEqual([['north', 2]]);
    expect(keyed.keyCount).toBe(1);
    expect((await ask('GET', 'streams/trial')).status).toBe(404);
  });

  it('guards names and revisions, says what is wrong with an expression, and audits', async () => {
    const spare = { ...PUMP, name: 'spare', publish: 'none' };
    const made = await ask<StreamDocument>('POST', 'streams', spare, { 'idempotency-key': 'k' });
    const again = await ask<StreamDocument>('POST', 'streams', spare, { 'idempotency-key': 'k' });
    expect([again.status, again.body]).toEqual([201, made.body]);
    expect((await ask<Problem>('POST', 'streams', spare)).body.code).toBe('STREAM_EXISTS');
    const wrong = await ask<Problem>('POST', 'streams', { ...spare, name: 'wrong', where: 'a >' });
    expect([wrong.status, wrong.body.errors]).toEqual([
      400,
      [{ path: 'where', message: 'the expression ends too early at character 4' }],
    ]);
    const changed = { ...spare, window: { kind: 'count', records: 2 } };
    const replaced = await ask<StreamDocument>('PUT', 'streams/spare', changed, { 'if-match': '"1"' });
    expect([replaced.headers.get('etag'), replaced.body.revision]).toEqual(['"2"', 2]);
    expect((await ask<Problem>('PUT', 'streams/spare', spare, { 'if-match': '"1"' })).body.code).toBe('REVISION_STALE');
    expect((await ask<Problem>('PUT', 'streams/spare', PUMP)).body.code).toBe('STREAM_INVALID');
    const count = async (): Promise<WindowResult[]> =>
      ((await server.get('/api/streams/spare/windows')) as Page<WindowResult>).items;
    await until(async () => (await count()).length >= 3);
    expect((await count()).map(({ records, revision }) => [records, revision])).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
    expect((await ask('DELETE', 'streams/spare', undefined, { 'if-match': '"2"' })).status).toBe(204);
    expect((await ask<Problem>('GET', 'streams/spare/windows')).body.code).toBe('STREAM_NOT_FOUND');
    const trail = (await server.get('/api/audit?subject=stream:spare')) as Page<AuditEntry>;
    expect(trail.items.map(({ action }) => action)).toEqual(['stream.removed', 'stream.replaced', 'stream.defined']);
  });

  it('streams windows as CSV', async () => {
    const csv = (await ask('GET', 'streams/pump-minute/windows?format=csv')).text.trim().split('\r\n');
    expect(csv[0]).toBe('key,level,startAt,endAt,state,revision,records,clockBad,values,updatedAt');
    expect(csv).toHaveLength(5);
  });

  it('leaves nothing of a device that is removed, and what others have', async () => {
    await ask('POST', 'feature-views', {
      name: 'pump-load',
      entity: 'device',
      maxAgeMs: 86_400_000,
      features: [{ name: 'load', source: { kind: 'windows', stream: 'pump-minute', aggregate: 'load' } }],
    });
    const other = await TestDevice.online(server.mqttPort, 'pump-2');
    await other.records('readings', readings(1, minute(10), [1]));
    await until(async () => (await windows('key=pump-2')).length === 1);
    const load = async (entity: string): Promise<unknown> =>
      (await ask<EntityFeatures>('GET', `features/pump-load/${entity}`)).body.features[0]?.value;
    await until(async () => (await load('pump-2')) === 2 && (await load('pump-1')) === 14);
    // A window that is open when its device is removed is published by nobody.
    await other.records('readings', readings(2, minute(0), [1]));
    await other.stop();
    expect((await ask('DELETE', 'devices/pump-2')).status).toBe(204);
    expect([await windows('key=pump-2&state=all'), await load('pump-2')]).toEqual([[], null]);
    expect((await windows('key=pump-1')).length).toBeGreaterThan(0);
    const late = await connectAsync({ protocol: 'mqtt', host: '127.0.0.1', port: server.mqttPort, clientId: 'sub-3' });
    const retained: string[] = [];
    late.on('message', (topic) => retained.push(topic));
    await late.subscribeAsync(topics.window('pump-minute', '+'), { qos: 1 });
    await until(() => retained.length > 0);
    expect(retained).toEqual([topics.window('pump-minute', 'pump-1')]);
    await late.endAsync();
  });
});
