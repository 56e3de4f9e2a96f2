/** Inference about an entity against the whole server: a bundle that pins a view, values put from outside, a vector that is pulled. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pinEntityViews, readCatalog } from '@shoal/models';
import { entityViewSchema } from '@shoal/protocol';
import { call } from '../call.ts';
import { startTestServer, type TestServer } from '../running-server.ts';
import { grpcClient } from './grpc-client.ts';

const WIDTH = 32;
const NAMES = Array.from({ length: WIDTH }, (_, index) => `f${index}`);
const view = entityViewSchema.parse({
  name: 'site',
  entity: 'site',
  maxAgeMs: 3_600_000,
  features: NAMES.map((name) => ({ name, source: { kind: 'pushed' }, missing: 'default', default: 0 })),
});
const values = Object.fromEntries(NAMES.map((name, index) => [name, index / WIDTH]));

interface Answer {
  readonly outputs: readonly { readonly data: readonly number[] }[];
  readonly parameters: Readonly<Record<string, unknown>>;
}

let server: TestServer;
let folder: string;
const infer = (body: object) => call<Answer>('POST', `${server.httpUrl}/v2/models/site-risk/infer`, body);
const rowOf = (changed: Readonly<Record<number, number>> = {}): number[] =>
  NAMES.map((_, index) => changed[index] ?? index / WIDTH);
const withRow = (row: readonly number[]) =>
  infer({ inputs: [{ name: 'features', datatype: 'FP32', shape: [1, WIDTH], data: row }] });

beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'shoal-entity-')), 'site-risk');
  const [shipped] = await readCatalog();
  cpSync(shipped?.folder ?? '', folder, { recursive: true });
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...manifest, name: 'site-risk', entityView: pinEntityViews([view]) }));
  rmSync(join(folder, 'signature.json'), { force: true });
  server = await startTestServer({ SHOAL_INFERENCE_BUNDLE_FOLDERS: folder, SHOAL_INFERENCE_CATALOGUE: 'leave' });
});
afterAll(async () => {
  await server.stopAndRemove();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

test('a bundle is not served before its view is defined, and is afterwards', async () => {
  const index = await call('POST', `${server.httpUrl}/v2/repository/index`, {});
  expect(index.body).toEqual([{ name: 'site-risk', state: 'UNAVAILABLE', reason: expect.stringContaining('site') }]);
  await call('POST', `${server.httpUrl}/api/feature-views`, view);
  expect((await call('POST', `${server.httpUrl}/v2/repository/models/site-risk/load`, {})).status).toBe(200);
  expect((await call('GET', `${server.httpUrl}/v2/health/ready`)).body).toEqual({ live: true, ready: true });
  await call('PUT', `${server.httpUrl}/api/features/site/north`, { values });
});

describe('a request that names an entity', () => {
  test('is answered as if it had sent the vector', async () => {
    const looked = await infer({ inputs: [], parameters: { entity: 'north' } });
    expect(looked.body.outputs).toEqual((await withRow(rowOf())).body.outputs);
    expect(looked.body.parameters).toMatchObject({
      source: 'server',
      entity: 'north',
      features_stale: [],
      features_missing: [],
      age_ms: expect.any(Number),
    });
  });

  test('may bring single features, which outweigh what is known', async () => {
    const input = { name: 'site:f3', datatype: 'FP64', shape: [1], data: [9] };
    const overridden = await infer({ inputs: [input], parameters: { entity: 'north' } });
    expect(overridden.body.outputs).toEqual((await withRow(rowOf({ 3: 9 }))).body.outputs);
    const predicted = await call<{ prediction: number[] }>('POST', `${server.httpUrl}/predict`, {
      entity: 'north',
      features: { 'site:f3': 9 },
    });
    expect(predicted.body.prediction).toEqual(overridden.body.outputs[0]?.data);
  });

  test('says what is missing', async () => {
    const nobody = await infer({ inputs: [], parameters: { entity: 'nowhere' } });
    expect(nobody.body.parameters['features_missing']).toEqual(NAMES.map((name) => `site:${name}`));
  });

  test('over gRPC as over HTTP, with an explanation by the names of the features', async () => {
    const client = grpcClient(server.grpcAddress);
    const request = {
      model_name: 'site-risk',
      parameters: { entity: { string_param: 'north' }, explain: { bool_param: true } },
    };
    const answer = await client.call<{ parameters: Record<string, { string_param: string }> }>('ModelInfer', request);
    client.close();
    const explanation = JSON.parse(answer.parameters['explanation']?.string_param ?? '') as { changes: object };
    expect(Object.keys(explanation.changes)).toEqual(NAMES.map((name) => `site:${name}`));
  });

  test.each([
    [
      'an unknown feature',
      { inputs: [{ name: 'site:x', datatype: 'FP32', shape: [1], data: [1] }] },
      'FEATURE_UNKNOWN',
    ],
    [
      'two values of a feature',
      { inputs: [{ name: 'site:f3', datatype: 'FP32', shape: [2], data: [1, 2] }] },
      'INPUT_SHAPE_INVALID',
    ],
  ])('is refused for %s', async (_, body, code) => {
    const { status, headers } = await infer({ ...body, parameters: { entity: 'north' } });
    expect([status, headers.get('shoal-error-code')]).toEqual([400, code]);
  });
});

test('an unloaded model is gone, listed, and can be loaded again', async () => {
  expect((await call('POST', `${server.httpUrl}/v2/repository/models/site-risk/unload`, {})).status).toBe(200);
  expect((await withRow(rowOf())).status).toBe(404);
  const index = await call('POST', `${server.httpUrl}/v2/repository/index`, {});
  expect(index.body).toEqual([{ name: 'site-risk', state: 'UNAVAILABLE', reason: 'unloaded' }]);
});
