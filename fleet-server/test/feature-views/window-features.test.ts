/** Readings over MQTT become windows of a stream, features of a site, and the vector a model is asked with, in the whole server. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pinEntityViews, readCatalog } from '@shoal/models';
import {
  entityViewSchema,
  type EntityFeatures,
  type FeatureHistoryEntry,
  type Page,
  type Problem,
  type Reading,
  type SkewAudit,
} from '@shoal/protocol';
import { call, type Answer, type Method } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

const MINUTE_MS = 60_000;
const WIDTH = 32;
const STREAM = {
  name: 'site-minute',
  source: { kind: 'readings' },
  key: { by: 'label', label: 'site' },
  window: { kind: 'tumbling', sizeMs: MINUTE_MS },
  aggregates: [
    { name: 'load', aggregate: 'mean', value: 'a' },
    { name: 'spread', aggregate: 'quantiles', value: 'a', shares: [0.5] },
    { name: 'seen', aggregate: 'histogram', value: 'a' },
  ],
  allowedLatenessMs: 0,
  idleTimeoutMs: 1_000,
};
const window = { kind: 'windows', stream: STREAM.name };
const VIEW = entityViewSchema.parse({
  name: 'site',
  entity: 'site',
  maxAgeMs: 3_600_000,
  features: [
    { name: 'f0', source: { ...window, aggregate: 'load' }, missing: 'fail' },
    { name: 'f1', source: { ...window, aggregate: 'seen', part: '7' } },
    ...Array.from({ length: WIDTH - 2 }, (_, index) => ({
      name: `f${index + 2}`,
      source: { kind: 'pushed' },
      missing: 'default',
      default: 0.5,
    })),
  ],
});

interface Inferred {
  readonly outputs: readonly { readonly data: readonly number[] }[];
}

describe('features of windows', () => {
  let server: TestServer;
  let device: TestDevice;
  let folder: string;
  let sequence = 0;
  const start = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 20 * MINUTE_MS;

  beforeAll(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'shoal-windows-')), 'site-risk');
    const [shipped] = await readCatalog();
    cpSync(shipped?.folder ?? '', folder, { recursive: true });
    const path = join(folder, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...manifest, name: 'site-risk', entityView: pinEntityViews([VIEW]) }));
    rmSync(join(folder, 'signature.json'), { force: true });
    server = await startTestServer({
      SHOAL_STREAMS_IDLE_MS: '20',
      SHOAL_FEATURES_CONSUMER_IDLE_MS: '20',
      SHOAL_FEATURES_AUDIT_MS: '50',
      SHOAL_FEATURES_AUDIT_EVERY: '1',
      SHOAL_INFERENCE_BUNDLE_FOLDERS: folder,
      SHOAL_INFERENCE_CATALOGUE: 'leave',
    });
    device = await TestDevice.online(server.mqttPort, 'pump-1');
    await ask('PATCH', 'devices/pump-1', { labels: { site: 'north' } }, { 'if-match': '*' });
  });
  afterAll(async () => {
    await device.stop();
    await server.stopAndRemove();
    rmSync(join(folder, '..'), { recursive: true, force: true });
  });

  const ask = <T>(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> =>
    call<T>(method, `${server.httpUrl}/api/${path}`, body, headers);
  const say = (at: number, values: readonly number[]): Promise<void> =>
    device.records(
      'readings',
      values.map((a): Reading => {
        sequence += 1;
        return { sequence, observedAt: at + sequence, source: 'pump', values: { a } };
      }),
    );
  const features = async (query = ''): Promise<EntityFeatures> =>
    (await ask<EntityFeatures>('GET', `features/site/north${query}`)).body;
  const isServed = (value: number): Promise<void> => until(async () => (await features()).features[0]?.value === value);

  it.each([
    ['FEATURE_STREAM_UNKNOWN', { entity: 'site' }, { stream: 'no-such' }],
    ['FEATURE_AGGREGATE_UNKNOWN', { entity: 'site' }, { aggregate: 'nope' }],
    ['FEATURE_AGGREGATE_UNKNOWN', { entity: 'site' }, { aggregate: 'spread', part: 'p99' }],
    ['FEATURE_KEY_MISMATCH', { entity: 'device' }, {}],
  ])('refuses a view with %s', async (code, more, source) => {
    await ask('POST', 'streams', STREAM, { 'idempotency-key': 'stream' });
    const feature = { name: 'f', source: { ...window, aggregate: 'load', ...source } };
    const view = { name: 'wrong', maxAgeMs: 1_000, features: [feature], ...more };
    expect((await ask<Problem>('POST', 'feature-views', view)).body.code).toBe(code);
    expect((await ask('GET', 'feature-views/wrong')).status).toBe(404);
  });

  it('fills a view from the windows that are there, and a model is asked about the entity with them', async () => {
    await say(start, [7, 9]);
    await until(async () => (await ask<Page<unknown>>('GET', 'streams/site-minute/windows')).body.items.length === 1);
    expect((await ask('POST', 'feature-views', VIEW)).status).toBe(201);
    await isServed(8);
    expect((await features()).features.slice(0, 2)).toMatchObject([
      { status: 'PRESENT', eventAt: start + MINUTE_MS },
      { value: 1, eventAt: start + MINUTE_MS },
    ]);
    await call('POST', `${server.httpUrl}/v2/repository/models/site-risk/load`, {});
    const infer = async (body: object): Promise<unknown> =>
      (await call<Inferred>('POST', `${server.httpUrl}/v2/models/site-risk/infer`, body)).body.outputs;
    const row = [8, 1, ...Array.from({ length: WIDTH - 2 }, () => 0.5)];
    const sent = await infer({ inputs: [{ name: 'features', datatype: 'FP32', shape: [1, WIDTH], data: row }] });
    expect(sent).toBeDefined();
    expect(await infer({ inputs: [], parameters: { entity: 'north' } })).toEqual(sent);
  });

  it('follows what is published: late data corrects a window, and nobody knew of it before', async () => {
    await say(start + 2 * MINUTE_MS, [1]);
    await isServed(1);
    const known = Date.now();
    await until(() => Date.now() > known);
    await say(start + 2 * MINUTE_MS, [5]);
    await isServed(3);
    await say(start, [2]);
    await until(async () => {
      const { items } = (await ask<Page<FeatureHistoryEntry>>('GET', 'features/site/north/history?feature=f0')).body;
      return items.length === 4;
    });
    const { items } = (await ask<Page<FeatureHistoryEntry>>('GET', 'features/site/north/history?feature=f0')).body;
    expect(items.map(({ eventAt, value }) => [(eventAt - start) / MINUTE_MS, value])).toEqual([
      [1, 8],
      [1, 6],
      [3, 1],
      [3, 3],
    ]);
    expect(
      items.every(({ createdAt }, index) => index % 2 === 0 || createdAt > (items[index - 1]?.createdAt ?? 0)),
    ).toBe(true);
    expect((await features()).vector?.[0]).toBe(3);
    expect((await features(`?asOf=${known}`)).vector?.[0]).toBe(1);
    expect((await features(`?asOf=${items[0]?.createdAt ?? 0}`)).vector?.[0]).toBe(8);
    expect((await features(`?asOf=${(items[0]?.createdAt ?? 0) - 1}`)).features[0]?.status).toBe('NOT_FOUND');
  });

  it('keeps what it has when the stream is removed, says so, and goes on when it is back', async () => {
    await ask('DELETE', 'streams/site-minute', undefined, { 'if-match': '*' });
    await until(async () => (await server.metric('shoal_feature_window_sources_unfed')) === 2);
    expect((await features()).vector?.[0]).toBe(3);
    await ask('POST', 'streams', { ...STREAM, startFrom: 'now' });
    await say(start + 4 * MINUTE_MS, [11]);
    await isServed(11);
    expect(await server.metric('shoal_feature_window_sources_unfed')).toBe(0);
  });

  it('serves what its history gives', async () => {
    await until(async () => (await ask<Page<SkewAudit>>('GET', 'feature-audits?view=site')).body.items.length > 0);
    expect((await ask<Page<SkewAudit>>('GET', 'feature-audits?result=mismatch')).body.items).toEqual([]);
  });
});
