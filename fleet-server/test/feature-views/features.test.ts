/** Features end to end in the whole server: defined, told, computed from telemetry, imported, read as of then, audited. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  AuditEntry,
  EntityFeatures,
  FeatureColumns,
  FeatureImport,
  FeatureViewDocument,
  Page,
  Problem,
  RejectedRow,
  SkewAudit,
} from '@shoal/protocol';
import { call, type Answer, type Method } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

const HOUR_MS = 3_600_000;
const CUSTOMER = {
  name: 'customer',
  entity: 'customer',
  maxAgeMs: HOUR_MS,
  features: [
    { name: 'orders', source: { kind: 'pushed' } },
    { name: 'tier', datatype: 'category', categories: ['bronze', 'gold'], source: { kind: 'pushed' }, missing: 'fail' },
  ],
};
const PUMP = {
  name: 'pump-minute',
  entity: 'device',
  maxAgeMs: HOUR_MS,
  features: [
    { name: 'mean', source: { kind: 'readings', channel: 'a', aggregate: 'mean', windowMs: HOUR_MS, panes: 60 } },
    { name: 'count', source: { kind: 'readings', channel: 'a', aggregate: 'count', windowMs: HOUR_MS, panes: 60 } },
    { name: 'worst', source: { kind: 'predictions', output: 'score', aggregate: 'max', windowMs: HOUR_MS, panes: 60 } },
  ],
};

describe('features', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      SHOAL_FEATURES_AUDIT_MS: '50',
      SHOAL_FEATURES_AUDIT_EVERY: '1',
      SHOAL_FEATURES_CONSUMER_IDLE_MS: '20',
    });
    await ask('POST', 'feature-views', CUSTOMER);
  });
  afterAll(async () => {
    await server.stopAndRemove();
  });

  const ask = <T>(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> =>
    call<T>(method, `${server.httpUrl}/api/${path}`, body, headers);
  const features = async (path: string): Promise<EntityFeatures> =>
    (await ask<EntityFeatures>('GET', `features/${path}`)).body;
  const put = (entity: string, values: object, eventAt?: number): Promise<Answer<EntityFeatures & Problem>> =>
    ask('PUT', `features/customer/${entity}`, { values, ...(eventAt !== undefined && { eventAt }) });
  const send = (csv: string, key: string, view = 'customer'): Promise<Answer<FeatureImport & Problem>> =>
    ask('POST', `features/${view}/import`, csv, { 'content-type': 'text/csv', 'idempotency-key': key });

  it('keeps versions of a view, guards its revision, and audits', async () => {
    const before = (await ask<FeatureViewDocument>('GET', 'feature-views/customer')).body;
    const again = await ask<FeatureViewDocument>('POST', 'feature-views', CUSTOMER, { 'idempotency-key': 'k' });
    expect([again.status, again.body]).toEqual([201, before]);
    expect((await ask<Problem>('POST', 'feature-views', CUSTOMER)).body.code).toBe('FEATURE_VIEW_EXISTS');
    const view = { ...CUSTOMER, name: 'spare' };
    await ask('POST', 'feature-views', view);
    const changed = await ask<FeatureViewDocument>(
      'PUT',
      'feature-views/spare',
      { ...view, maxAgeMs: 5 },
      { 'if-match': '"1"' },
    );
    expect([changed.headers.get('etag'), changed.body.revision]).toEqual(['"2"', 2]);
    expect((await ask<Problem>('PUT', 'feature-views/spare', view, { 'if-match': '"1"' })).body.code).toBe(
      'REVISION_STALE',
    );
    expect((await ask<Problem>('PUT', 'feature-views/spare', CUSTOMER)).body.code).toBe('FEATURE_VIEW_INVALID');
    expect((await ask('DELETE', 'feature-views/spare')).status).toBe(204);
    expect((await ask('GET', 'feature-views/spare')).status).toBe(404);
    const trail = (await server.get('/api/audit?subject=feature-view:spare')) as Page<AuditEntry>;
    expect(trail.items.map(({ action }) => action)).toEqual([
      'feature-view.removed',
      'feature-view.replaced',
      'feature-view.defined',
    ]);
  });

  it('takes values once, never lets an older one win, and reads what was known then', async () => {
    const t = Date.now();
    const first = await put('c-1', { orders: 3, tier: 'gold' }, t - 1_000);
    expect(first.body).toMatchObject({ vector: [3, 1], stale: [], missing: [], failed: [] });
    const known = first.body.asOf;
    expect((await put('c-1', { orders: 3, tier: 'gold' }, t - 1_000)).status).toBe(200);
    await until(() => Date.now() > known);
    await put('c-1', { orders: 9 }, t - 2_000);
    expect((await features('customer/c-1')).features[0]).toMatchObject({
      value: 3,
      status: 'PRESENT',
      eventAt: t - 1_000,
    });
    await put('c-1', { orders: 4 }, t - 1_000);
    expect((await features('customer/c-1')).vector).toEqual([4, 1]);
    expect((await features(`customer/c-1?asOf=${known}`)).vector).toEqual([3, 1]);
    expect((await features(`customer/c-1?asOf=${t - 5_000}`)).missing).toEqual(['orders', 'tier']);
    const history = await server.get('/api/features/customer/c-1/history?feature=orders');
    expect((history as Page<{ value: number }>).items.map(({ value }) => value)).toEqual([9, 3, 4]);
  });

  it('enforces the age on the online path, and names what fails', async () => {
    await put('c-2', { orders: 1, tier: null }, Date.now() - 2 * HOUR_MS);
    const { vector, stale, failed, features: all } = await features('customer/c-2');
    expect({ vector, stale, failed }).toEqual({ vector: null, stale: ['orders', 'tier'], failed: ['tier'] });
    expect(all[0]).toMatchObject({ value: 1, used: null, status: 'OUTSIDE_MAX_AGE' });
  });

  it.each([
    [{ values: { nope: 1 } }, 'FEATURE_UNKNOWN'],
    [{ values: { orders: 'many' } }, 'FEATURE_VALUE_REFUSED'],
    [{ values: { tier: 'silver' } }, 'FEATURE_VALUE_REFUSED'],
    [{ values: { orders: 1 }, eventAt: Date.now() + HOUR_MS }, 'FEATURE_EVENT_AHEAD'],
    [{ values: {} }, 'REQUEST_INVALID'],
  ])('refuses %j', async (body, code) => {
    expect((await ask<Problem>('PUT', 'features/customer/c-3', body)).body.code).toBe(code);
    expect((await features('customer/c-3')).missing).toHaveLength(2);
  });

  it('guards an entity with If-Match', async () => {
    const tag = (await put('c-4', { orders: 1 })).headers.get('etag') ?? '';
    const guarded = await ask('PUT', 'features/customer/c-4', { values: { orders: 2 } }, { 'if-match': tag });
    expect(guarded.status).toBe(200);
    const stale = await ask<Problem>(
      'PUT',
      'features/customer/c-4',
      { values: { orders: 3 } },
      { 'if-match': '"1.0.1"' },
    );
    expect([stale.status, stale.body.code]).toEqual([409, 'REVISION_STALE']);
  });

  it('imports what is good, lists what is not, and stores nothing twice', async () => {
    const at = Date.now() - 1_000;
    const csv = `entity,eventAt,orders,tier\ni-1,${at},5,gold\ni-2,yesterday,5,gold\ni-3,${at},x,gold\n,${at},5,gold\ni-4,${at},5\ni-5,${at},,null\n`;
    const done = await send(csv, 'first');
    expect(done.headers.get('location')).toBe('/api/feature-imports/first');
    expect(done.body).toMatchObject({ state: 'completed', rows: 6, stored: 2, unchanged: 0, rejected: 4 });
    const rejected = (await server.get('/api/feature-imports/first/rejected')) as Page<RejectedRow>;
    expect(rejected.items.map(({ line, reason }) => [line, reason])).toEqual([
      [3, 'FEATURE_TIME_INVALID'],
      [4, 'FEATURE_VALUE_REFUSED'],
      [5, 'FEATURE_ENTITY_INVALID'],
      [6, 'FEATURE_ROW_MALFORMED'],
    ]);
    expect((await send(csv, 'second')).body).toMatchObject({ stored: 0, unchanged: 2 });
    expect((await send(csv, 'first')).body.code).toBe('FEATURE_IMPORT_EXISTS');
    expect((await features('customer/i-5')).features[1]).toMatchObject({ status: 'NULL_VALUE' });
  });

  it('stores nothing of a file whose header is wrong, and says so of one that breaks off', async () => {
    const wrong = await send('entity,orders,nope,orders\na,1,1,1\n', 'third');
    expect([wrong.body.code, wrong.body.errors?.length]).toEqual(['FEATURE_HEADER_INVALID', 2]);
    expect((await ask('GET', 'feature-imports/third')).status).toBe(404);
    expect((await send('entity,mean\np,1\n', 'fourth', 'pump-recent')).body.code).toBe('FEATURE_HEADER_INVALID');
    const broken = await send('entity,orders\nb-1,1\nb-2,"2\nb-3,3\n', 'fifth');
    expect(broken.body).toMatchObject({ state: 'interrupted', stored: 1, rejected: 1 });
    expect((await ask<Problem>('POST', 'features/customer/import', { a: 1 })).body.code).toBe('MEDIA_TYPE_UNSUPPORTED');
  });

  it('computes windows from readings and predictions, also of a view that is defined later', async () => {
    const device = await TestDevice.online(server.mqttPort, 'pump-1');
    const at = Date.now();
    const reading = (sequence: number, a: number, ago: number) => ({
      sequence,
      observedAt: at - ago,
      source: 'pump',
      values: { a, b: null },
    });
    await device.records('readings', [reading(1, 1, 3_000), reading(2, 3, 2_000)]);
    await ask('POST', 'feature-views', PUMP);
    const window = { startAt: at - 1_000, endAt: at, count: 1 };
    const model = { name: 'm', version: '1.0.0' };
    const prediction = { sequence: 3, observedAt: at, model, window, outputs: { score: 0.7 }, source: 'edge' as const };
    await device.records('predictions', [prediction]);
    await device.records('readings', [reading(4, 5, 120_000)]);
    await until(async () => (await features('pump-minute/pump-1')).vector?.[1] === 3);
    const { vector } = await features('pump-minute/pump-1');
    expect(vector).toEqual([3, 3, 0.7]);
    await device.stop();
  });

  it('leaves nothing of a device that is removed, and what was told of another type of thing', async () => {
    const name = { ...PUMP, name: 'pump-gone' };
    await ask('POST', 'feature-views', name);
    const device = await TestDevice.online(server.mqttPort, 'pump-gone-1');
    const reading = { sequence: 1, observedAt: Date.now(), source: 'pump', values: { a: 3 } };
    await device.records('readings', [reading]);
    await until(async () => (await features('pump-gone/pump-gone-1')).features[1]?.value === 1);
    await put('pump-gone-1', { orders: 4, tier: 'gold' });
    await device.stop();
    expect((await ask('DELETE', 'devices/pump-gone-1')).status).toBe(204);
    expect((await features('pump-gone/pump-gone-1')).features.map(({ status }) => status)).toEqual(
      PUMP.features.map(() => 'NOT_FOUND'),
    );
    const history = await ask<Page<unknown>>('GET', 'features/pump-gone/pump-gone-1/history');
    expect(history.body.items).toEqual([]);
    expect((await features('customer/pump-gone-1')).features[0]?.value).toBe(4);
  });

  it('reads many entities as columns, after the policy for what is missing', async () => {
    const body = { entities: ['c-1', 'nobody'], features: ['tier', 'orders'] };
    const { featureNames, results } = (await ask<FeatureColumns>('POST', 'features/customer/read', body)).body;
    expect(featureNames).toEqual(['tier', 'orders']);
    expect(results.map(({ values, statuses }) => [values, statuses])).toEqual([
      [
        ['gold', null],
        ['PRESENT', 'NOT_FOUND'],
      ],
      [
        [4, null],
        ['PRESENT', 'NOT_FOUND'],
      ],
    ]);
    const unknown = await ask<Problem>('POST', 'features/customer/read', { entities: ['c-1'], features: ['nope'] });
    expect(unknown.body.code).toBe('FEATURE_UNKNOWN');
  });

  it('audits what it serves: the history gives it, or knows what was not applied yet', async () => {
    await until(
      async () => ((await server.get('/api/feature-audits?view=customer')) as Page<SkewAudit>).items.length > 0,
    );
    const { items } = (await server.get('/api/feature-audits?result=mismatch')) as Page<SkewAudit>;
    expect(items).toEqual([]);
    expect(await server.metric('shoal_feature_skew_ratio')).toBe(0);
  });
});
