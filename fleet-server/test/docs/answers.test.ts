/** What the real server answers, held against what its documents promise: statuses, media types, and not one field more. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OPERATIONS as ALL_OPERATIONS, type Operation } from '@shoal/protocol';
import type { z } from 'zod';
import { call } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

/** These answer as the protocols of others want it: test/inference, test/integrations/ddi. */
const OPERATIONS = ALL_OPERATIONS.filter(({ tag }) => tag !== 'inference' && tag !== 'ddi');

let server: TestServer;
let device: TestDevice;
let commandId = '';
let deliveryId = '';
let predictionId = '';
let alertId = '';
let silenceId = '';
let release = { sha256: '' };
let base = { sha256: '' };
let rolloutId = '';
let runId = '';
let backtestId = '';
let backfillId = '';
let actionId = 0;
const imports = mkdtempSync(join(tmpdir(), 'shoal-imports-'));

const at = Date.now();
const customer = {
  name: 'customer',
  entity: 'customer',
  maxAgeMs: 3_600_000,
  features: [
    { name: 'orders', source: { kind: 'pushed' } },
    { name: 'load', source: { kind: 'windows', stream: 'by-customer', aggregate: 'mean' } },
  ],
};
const stream = {
  name: 'by-second',
  source: { kind: 'readings' },
  key: { by: 'device' },
  window: { kind: 'count', records: 1 },
  aggregates: [{ name: 'mean', aggregate: 'mean', value: 'a' }],
};
const rule = { name: 'too-much', on: { kind: 'readings' }, when: { value: 'a', above: 0 } };
const model = { name: 'pump-anomaly', version: '1.0.0' };
const night = {
  name: 'night',
  model: { name: 'pump-anomaly' },
  entities: { kind: 'file', path: 'night.csv' },
  maxQuarantinedPct: 50,
};
beforeAll(async () => {
  const audited = { SHOAL_FEATURES_AUDIT_EVERY: '1', SHOAL_FEATURES_AUDIT_MS: '20' };
  server = await startTestServer({
    ...audited,
    SHOAL_MODELS_CATALOGUE: 'release',
    SHOAL_SCORING_IMPORT_FOLDER: imports,
    SHOAL_DDI_ENDPOINT: 'on',
  });
  await call('POST', `${server.httpUrl}/api/alert-rules`, rule);
  device = await TestDevice.online(server.mqttPort, 'pump-01');
  await device.records('readings', [{ sequence: 1, observedAt: at, source: 'pump', values: { a: 1, b: null } }]);
  const window = { startAt: at - 1_000, endAt: at, count: 1 };
  const prediction = { sequence: 2, observedAt: at, model, window, outputs: { score: 1 }, source: 'edge' as const };
  await device.records('predictions', [prediction]);
  await device.records('events', [
    { sequence: 3, observedAt: at, kind: 'agent.started', severity: 'info', message: 'started', data: { a: 1 } },
  ]);
  await device.client.publishAsync('shoal/v1/devices/pump-01/up/readings', 'garbage', { qos: 1 });
  const byCustomer = { ...stream, name: 'by-customer', key: { by: 'label', label: 'customer' } };
  await call('POST', `${server.httpUrl}/api/streams`, byCustomer);
  await call('POST', `${server.httpUrl}/api/feature-views`, customer);
  const csv = { 'content-type': 'text/csv', 'idempotency-key': 'import-1' };
  await call('POST', `${server.httpUrl}/api/features/customer/import`, 'entity,orders\nc-1,3\nc-2,x\n', csv);
  const audits = `${server.httpUrl}/api/feature-audits`;
  await until(async () => {
    await call('GET', `${server.httpUrl}/api/features/customer/c-1`);
    return (await call<{ items: unknown[] }>('GET', audits)).body.items.length > 0;
  });
  await call('POST', `${server.httpUrl}/api/streams`, stream);
  const windows = `${server.httpUrl}/api/streams/by-second/windows`;
  await until(async () => (await call<{ items: unknown[] }>('GET', windows)).body.items.length > 0);
  const alerts = `${server.httpUrl}/api/alerts`;
  await until(async () => (await call<{ items: unknown[] }>('GET', alerts)).body.items.length > 0);
  alertId = (await call<{ items: { alertId: string }[] }>('GET', alerts)).body.items[0]?.alertId ?? '';
  const silence = { key: 'pump-01', until: at + 3_600_000 };
  ({ silenceId } = (await call<{ silenceId: string }>('POST', `${server.httpUrl}/api/silences`, silence)).body);
  const channel = { type: 'mqtt', topic: 'shoal/v1/alerts/test' };
  ({ id: deliveryId } = (await call<{ id: string }>('POST', `${server.httpUrl}/api/deliveries`, { channel })).body);
  const asked = { model: 'pump-anomaly', entity: 'pump-01', features: Array.from({ length: 11 }, () => 0.5), wait: 60 };
  ({ id: predictionId } = (await call<{ id: string }>('POST', `${server.httpUrl}/api/predictions`, asked)).body);
  const released = `${server.httpUrl}/api/models/pump-anomaly`;
  release = (await call<typeof release>('GET', `${released}/versions/1.1.0`)).body;
  base = (await call<typeof base>('GET', `${released}/versions/1.0.0`)).body;
  await call('PUT', `${released}/aliases/champion`, { version: '1.1.0' });
  const rollouts = `${server.httpUrl}/api/rollouts`;
  ({ rolloutId } = (
    await call<{ rolloutId: string }>('POST', rollouts, { name: 'all', model: model.name, version: '1.1.0' })
  ).body);
  const backtests = `${server.httpUrl}/api/backtests`;
  const compared = { model: model.name, candidate: '1.0.0' };
  ({ backtestId } = (await call<{ backtestId: string }>('POST', backtests, compared)).body);
  // No engine needs to start for what is shown of it.
  await call('POST', `${backtests}/${backtestId}/cancel`, {});
  const columns = Array.from({ length: 11 }, (_, index) => index);
  const rows = [
    ['entity', ...columns],
    ['c-1', ...columns.map(() => 0.5)],
    ['c-2', ...columns.map(() => 'x')],
  ];
  writeFileSync(join(imports, 'night.csv'), rows.map((row) => `${row.join(',')}\n`).join(''));
  await call('POST', `${server.httpUrl}/api/scoring/jobs`, night);
  const runs = `${server.httpUrl}/api/scoring/jobs/night/runs`;
  ({ id: runId } = (await call<{ id: string }>('POST', runs, {})).body);
  await call('GET', `${server.httpUrl}/api/scoring/runs/${runId}/events`);
  const days = { from: '2025-06-01', to: '2025-06-01' };
  const backfills = `${server.httpUrl}/api/scoring/jobs/night/backfills`;
  ({ id: backfillId } = (await call<{ id: string }>('POST', backfills, days)).body);
  await call('POST', `${server.httpUrl}/api/scoring/backfills/${backfillId}/cancel`, {});
  const system = `${server.httpUrl}/api/system`;
  const octets = { 'content-type': 'application/octet-stream' };
  await call('POST', `${system}/images?name=gateway-os&version=1`, 'an image', octets);
  await call('POST', `${system}/targets`, { targetId: 'gateway-07', token: 'a-token-of-its-own' });
  const assigned = { targetId: 'gateway-07', image: 'gateway-os@1' };
  ({ actionId } = (await call<{ actionId: number }>('POST', `${system}/actions`, assigned)).body);
  const commands = `${server.httpUrl}/api/devices/pump-01/commands`;
  ({ commandId } = (await call<{ commandId: string }>('POST', commands, { name: 'ping' })).body);
}, 180_000);
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
  rmSync(imports, { recursive: true });
});

/** What stands for the names in a path: something that is there, or `nobody`. */
const filled = (path: string, subject = 'pump-01'): string => {
  const isThere = subject !== 'nobody';
  return path
    .replace('{deviceId}', subject)
    .replace('{commandId}', commandId)
    .replace('{view}', isThere ? 'customer' : subject)
    .replace('{stream}', isThere ? 'by-second' : subject)
    .replace('{predictionId}', isThere ? predictionId : 'p-ffffffffffffffffffff')
    .replace('{deliveryId}', isThere ? deliveryId : subject)
    .replace('{alertId}', isThere ? alertId : 'a-0000-1')
    .replace('{silenceId}', isThere ? silenceId : 's-00000000')
    .replace('{rolloutId}', isThere ? rolloutId : 'r-0000000000000000')
    .replace('{rule}', isThere ? 'too-much' : subject)
    .replace('{secretName}', isThere ? 'default' : subject)
    .replace('{entity}', isThere ? 'c-1' : subject)
    .replace('{model}', isThere ? 'pump-anomaly' : subject)
    .replace('{version}', '1.1.0')
    .replace('{alias}', 'champion')
    .replace('{file}', isThere ? 'timestamp.json' : subject)
    .replace('{sha256}', isThere ? release.sha256 : '0'.repeat(64))
    .replace('{base}', base.sha256)
    .replace('{job}', isThere ? 'night' : subject)
    .replace('{backtestId}', isThere ? backtestId : 'b-0000000000000000')
    .replace('{runId}', isThere ? runId : 'r-ffffffffffffffffffff')
    .replace('{backfillId}', isThere ? backfillId : 'b-ffffffffffffffffffff')
    .replace('{image}', isThere ? 'gateway-os@1' : 'nobody@1')
    .replace('{targetId}', isThere ? 'gateway-07' : subject)
    .replace('{actionId}', isThere ? String(actionId) : '999999')
    .replace('{importId}', isThere ? 'import-1' : subject);
};
const urlOf = ({ path, query }: Operation, subject?: string): string => {
  const needsSpan = query?.shape['from'] !== undefined && !query.safeParse({}).success;
  const url = new URL(`${server.httpUrl}${filled(path, subject)}`);
  if (needsSpan) url.search = `?from=0&to=${at + 1_000}`;
  if (path === '/api/models/{model}/diff') url.search = '?from=1.0.0&to=1.1.0';
  if (path === '/api/predictions/latest') url.search = '?model=pump-anomaly&entity=pump-01';
  return url.href;
};
const answers = ({ responses }: Operation): boolean => 200 in responses;
const gets = OPERATIONS.filter((operation) => operation.method === 'get' && operation.id !== 'streamLive').filter(
  answers,
);
const schemaOf = (operation: Operation, status: number, mediaType: string): z.ZodType | undefined =>
  operation.responses[status]?.content[mediaType];
const mediaTypeOf = (headers: Headers): string => headers.get('content-type')?.split(';')[0] ?? '';
/** What is left when everything undocumented is taken away. */
const documented = (schema: z.ZodType | undefined, value: unknown): unknown =>
  JSON.parse(JSON.stringify(schema?.parse(value) ?? null));

test('a browser that only knows the port is shown the API page', async () => {
  const answer = await fetch(`${server.httpUrl}/`, { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/docs']);
});

describe('answers', () => {
  test.each(gets)('GET $path answers what is documented', async (operation) => {
    const answer = await call('GET', urlOf(operation));
    expect(answer.status).toBe(200);
    const schema = schemaOf(operation, 200, mediaTypeOf(answer.headers));
    const value = mediaTypeOf(answer.headers) === 'application/json' ? answer.body : answer.text;
    expect(documented(schema, value)).toEqual(value);
    const promised = Object.keys(operation.responses[200]?.headers?.shape ?? {});
    expect(promised.filter((name) => !answer.headers.has(name))).toEqual([]);
  });

  const lists = gets.filter((operation) => schemaOf(operation, 200, 'text/csv'));
  test.each(lists)('GET $path holds what was sent, also as NDJSON and CSV', async (operation) => {
    const ndjson = await call('GET', `${urlOf(operation)}?format=ndjson`);
    expect(mediaTypeOf(ndjson.headers)).toBe('application/x-ndjson');
    const items = ndjson.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const schema = schemaOf(operation, 200, 'application/x-ndjson');
    expect(items.map((item) => documented(schema, item))).toEqual(items);
    const csv = await call('GET', `${urlOf(operation)}?format=csv`);
    expect(mediaTypeOf(csv.headers)).toBe('text/csv');
    expect(csv.text.trimEnd().split('\r\n').length).toBeGreaterThanOrEqual(items.length + 1);
  });

  test.each(OPERATIONS.filter(({ params }) => params !== undefined))(
    '$method $path about an unknown device is a documented problem',
    async (operation) => {
      const method = operation.method.toUpperCase() as 'GET';
      const bodies: Record<string, unknown> = {
        createCommand: { name: 'ping' },
        patchTwin: { desired: {} },
        putFeatureView: { ...customer, name: 'nobody' },
        putStream: { ...stream, name: 'nobody' },
        sendAgain: {},
        retryTicket: {},
        cancelTicket: {},
        acknowledgeAlert: {},
        noteAlert: {},
        resolveAlert: {},
        putAlertRule: { ...rule, name: 'nobody' },
        rotateWebhookSecret: {},
        putModelAlias: { version: '1.1.0' },
        putEntityFeatures: { values: { orders: 1 } },
        readFeatures: { entities: ['nobody'] },
        putScoringJob: { ...night, name: 'nobody' },
        planScoring: {},
        submitScoring: {},
        publishScoring: { runId },
        rollbackScoring: {},
        pauseScoringRun: {},
        resumeScoringRun: {},
        cancelScoringRun: {},
        cancelBacktest: {},
        submitBackfill: { from: '2025-06-01', to: '2025-06-01' },
        cancelBackfill: {},
        cancelSystemAction: {},
        putSystemTargetToken: { token: 'a-token-of-its-own' },
        readScores: { entities: ['nobody'] },
      };
      const body =
        operation.body === undefined
          ? undefined
          : (bodies[operation.id] ?? (operation.path.startsWith('/api/rollouts/') ? {} : { values: {} }));
      const sent = operation.id === 'patchDevice' ? { labels: {} } : body;
      const answer = await call<{ status: number; code: string }>(method, urlOf(operation, 'nobody'), sent);
      expect(answer.status).toBe(404);
      expect(answer.body.code).toMatch(/_NOT_FOUND$/);
      const schema = schemaOf(operation, 404, mediaTypeOf(answer.headers));
      expect(documented(schema, answer.body)).toEqual(answer.body);
    },
  );

  test.each(OPERATIONS.filter(({ query }) => query !== undefined))(
    '$method $path with a nonsensical query is a documented problem',
    async (operation) => {
      const url = `${server.httpUrl}${filled(operation.path)}?nonsense=1`;
      const answer = await call('GET', url);
      expect([answer.status, mediaTypeOf(answer.headers)]).toEqual([400, 'application/problem+json']);
    },
  );
});
