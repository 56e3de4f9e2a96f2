/** The registry of a whole server: what is pushed, what is refused, and what a device can fetch and verify of it. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { applyDelta, memorySource, readReleaseCustom } from '@shoal/models/trust';
import { topics } from '@shoal/protocol';
import { Updater } from 'tuf-js';
import { call } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';
import { packedPump, push } from './released-models.ts';

interface Release {
  readonly name: string;
  readonly version: string;
  readonly target: string;
  readonly sha256: string;
  readonly digest: string;
  readonly lengthBytes: number;
}

let server: TestServer;
let device: TestDevice;
let next: Buffer;
let folder: string;
const api = (path: string): string => `${server.httpUrl}/api/models${path}`;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const shipped = async (version: string): Promise<Release> =>
  (await call<Release>('GET', api(`/pump-anomaly/versions/${version}`))).body;
const blob = async (
  path: string,
  headers: Record<string, string> = {},
): Promise<{ response: Response; bytes: Buffer }> => {
  const response = await fetch(`${server.httpUrl}/blobs/sha256/${path}`, { headers });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
};
const updater = async (): Promise<Updater> => {
  const metadataDir = await mkdtemp(join(folder, 'tuf-'));
  const root = await fetch(`${server.httpUrl}/tuf/1.root.json`);
  await writeFile(join(metadataDir, 'root.json'), Buffer.from(await root.arrayBuffer()));
  return new Updater({ metadataDir, metadataBaseUrl: `${server.httpUrl}/tuf`, config: { fetchRetry: 0 } });
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-models-'));
  server = await startTestServer({ SHOAL_MODELS_CATALOGUE: 'release', SHOAL_MODELS_CHECK_TIMEOUT_MS: '60000' });
  device = await TestDevice.online(server.mqttPort, 'pump-01');
  next = await packedPump({ version: '2.0.0', releaseCounter: 20 });
});
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
  await rm(folder, { recursive: true, force: true });
});

describe('what is released', () => {
  test('is what comes with Shoal, and what is pushed; the same again changes nothing, other content is refused', async () => {
    expect((await shipped('1.1.0')).version).toBe('1.1.0');
    const first = await push(server.httpUrl, next);
    expect(first).toMatchObject({ status: 201, body: { version: '2.0.0', sha256: sha256(next), source: 'upload' } });
    expect((await push(server.httpUrl, next)).body).toEqual(first.body);
    const other = await packedPump({ version: '2.0.0', releaseCounter: 20, description: 'other' });
    expect(await push(server.httpUrl, other)).toMatchObject({ status: 409, body: { code: 'MODEL_VERSION_TAKEN' } });
    const counter = await packedPump({ version: '2.0.1', releaseCounter: 20 });
    expect(await push(server.httpUrl, counter)).toMatchObject({ status: 409, body: { code: 'MODEL_COUNTER_TAKEN' } });
    const trail = await call<{ items: { action: string }[] }>('GET', `${server.httpUrl}/api/audit`);
    expect(trail.body.items.filter(({ action }) => action === 'model.released').length).toBeGreaterThan(1);
  });

  test('is found by an unmodified tuf-js client with the content it then fetches', async () => {
    const { target, lengthBytes, digest } = await shipped('2.0.0');
    const client = await updater();
    const found = await client.getTargetInfo(target);
    const custom = readReleaseCustom(found?.custom);
    expect(custom).toMatchObject({
      name: 'pump-anomaly',
      version: '2.0.0',
      releaseCounter: 20,
      manifestSha256: digest,
    });
    expect([found?.length, custom.chunks]).toEqual([lengthBytes, [sha256(next)]]);
    const keys = await client.getTargetInfo('director/keys.json');
    const { bytes } = await blob(keys?.hashes['sha256'] ?? '');
    expect(sha256(bytes)).toBe(keys?.hashes['sha256']);
  });

  test('is refused with every fault named when the bundle is not whole', async () => {
    const broken = await packedPump(
      { version: '3.0.0', releaseCounter: 30 },
      { 'model.onnx': Buffer.from('no model'), 'golden.json': Buffer.from('{"cases":[]}') },
    );
    const answer = await push(server.httpUrl, broken);
    expect(answer).toMatchObject({ status: 400, body: { code: 'MODEL_BUNDLE_REFUSED' } });
    const faults = answer.body['errors'] as { path: string; message: string }[];
    expect(faults.map(({ message }) => message.split(':')[0])).toEqual(
      expect.arrayContaining(['MODEL_MALFORMED', 'BUNDLE_CONTENT_INVALID']),
    );
    expect((await call('GET', api('/pump-anomaly/versions/3.0.0'))).status).toBe(404);
  });

  test('is not what broke off on its way, nor what is too long, nor JSON', async () => {
    const url = new URL(server.httpUrl);
    const head = `POST /api/models HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/x-tar\r\nContent-Length: 5000\r\n\r\n`;
    const socket = connect(Number(url.port), url.hostname);
    await new Promise<void>((resolve) => socket.write(head + 'x'.repeat(1_000), () => resolve()));
    socket.destroy();
    const counted = 'shoal_model_uploads_refused_total{code="MODEL_UPLOAD_INTERRUPTED"}';
    await until(async () => (await server.metric(counted)) === 1);
    expect((await call('POST', api(''), {})).body).toMatchObject({ code: 'MEDIA_TYPE_UNSUPPORTED' });
  });
});

describe('content by its hash', () => {
  test('comes whole, in a range, and not again to whom has it', async () => {
    const { sha256: hash, lengthBytes } = await shipped('1.1.0');
    const whole = await blob(hash);
    expect(sha256(whole.bytes)).toBe(hash);
    const etag = `"${hash}"`;
    expect(whole.response.headers.get('etag')).toBe(etag);
    expect((await blob(hash, { 'if-none-match': etag })).response.status).toBe(304);
    const part = await blob(hash, { range: 'bytes=100-199', 'if-range': etag });
    expect([part.response.status, part.bytes.equals(whole.bytes.subarray(100, 200))]).toEqual([206, true]);
    expect(part.response.headers.get('content-range')).toBe(`bytes 100-199/${lengthBytes}`);
    expect((await blob(hash, { range: 'bytes=100-199', 'if-range': '"other"' })).response.status).toBe(200);
    expect((await blob(hash, { range: `bytes=${lengthBytes}-` })).response.status).toBe(416);
    expect((await blob('0'.repeat(64))).response.status).toBe(404);
  });

  test('is made of what a device has by a delta, in ranges too; none of what is not here', async () => {
    const [base, target] = [await shipped('1.1.0'), await shipped('2.0.0')];
    const path = `${target.sha256}/delta/${base.sha256}`;
    const [delta, again] = await Promise.all([blob(path), blob(path, { range: 'bytes=4-' })]);
    expect(delta.bytes.byteLength).toBeLessThan(target.lengthBytes / 4);
    expect(again.bytes.equals(delta.bytes.subarray(4))).toBe(true);
    const chunks: Uint8Array[] = [];
    const from = memorySource((await blob(base.sha256)).bytes);
    await applyDelta(from, Readable.from([delta.bytes]), (_, bytes) => void chunks.push(bytes));
    expect(sha256(Buffer.concat(chunks))).toBe(target.sha256);
    expect((await blob(`${target.sha256}/delta/${'0'.repeat(64)}`)).response.status).toBe(404);
  });
});

test('aliases move by compare-and-set, and hold what they name', async () => {
  const alias = api('/pump-anomaly/aliases/champion');
  expect((await call('GET', alias)).body).toMatchObject({ code: 'MODEL_ALIAS_NOT_FOUND' });
  const set = await call('PUT', alias, { version: '1.1.0' }, { 'if-match': '"0"' });
  expect([set.status, set.headers.get('etag')]).toEqual([200, '"1"']);
  const stale = await call('PUT', alias, { version: '2.0.0' }, { 'if-match': '"0"' });
  expect(stale.body).toMatchObject({ code: 'REVISION_STALE' });
  expect((await call('PUT', alias, { version: '9.0.0' })).body).toMatchObject({ code: 'MODEL_RELEASE_NOT_FOUND' });
  expect((await call('PUT', alias, { version: '2.0.0' }, { 'if-match': '"1"' })).body).toMatchObject({ revision: 2 });
  expect((await call('DELETE', api('/pump-anomaly/versions/2.0.0'))).body).toMatchObject({
    code: 'MODEL_RELEASE_IN_USE',
  });
  expect((await call('DELETE', alias, undefined, { 'if-match': '"2"' })).status).toBe(204);
});

test('devices that report a digest are counted for that release, and measured by their class', async () => {
  const { digest, sha256: hash } = await shipped('2.0.0');
  const selfTest = { p50Ms: 1, p95Ms: 2, rssMb: 30, engine: 'native-child' };
  const since = Date.now();
  const update = { deploymentId: 'd', version: '2.0.0', sha256: hash, state: 'committed', since, selfTest };
  const reported = {
    models: { 'pump-anomaly': { version: '1.1.0', digest, state: 'ready' } },
    updates: { 'pump-anomaly': update },
  };
  await device.say(topics.reportedTwin('pump-01'), { v: 1, appliedVersion: 0, mode: 'whole', reported });
  const deployments = api('/pump-anomaly/deployments');
  const running = async () => (await call<{ items: { digest: string | null }[] }>('GET', deployments)).body.items;
  await until(async () => (await running())[0]?.digest === digest);
  // It calls it 1.1.0 and runs 2.0.0: the digest says so.
  expect((await call('GET', deployments)).body).toMatchObject({ items: [{ version: '1.1.0', release: '2.0.0' }] });
  expect((await call('GET', api('/pump-anomaly/versions/2.0.0'))).body).toMatchObject({
    devices: 1,
    measured: [{ engine: 'native-child', devices: 1, p50Ms: 1, p95Ms: 2, rssMb: 30 }],
    card: expect.stringContaining('#'),
  });
  expect((await call('DELETE', api('/pump-anomaly/versions/2.0.0'))).body).toMatchObject({
    code: 'MODEL_RELEASE_IN_USE',
  });
  const diff = await call('GET', api('/pump-anomaly/diff?from=1.1.0&to=2.0.0'));
  expect(diff.body).toMatchObject({
    manifest: expect.arrayContaining([{ path: 'version', before: '1.1.0', after: '2.0.0' }]),
  });
});

test('a version that nobody needs is removed with its content and its target', async () => {
  const bytes = await packedPump({ version: '4.0.0', releaseCounter: 40 });
  await push(server.httpUrl, bytes);
  const { target } = await shipped('4.0.0');
  expect((await call('DELETE', api('/pump-anomaly/versions/4.0.0'))).status).toBe(204);
  expect((await blob(sha256(bytes))).response.status).toBe(404);
  expect(await (await updater()).getTargetInfo(target)).toBeUndefined();
});

test('metadata is small for whom has it, and signing keys are for their owner alone', async () => {
  const first = await fetch(`${server.httpUrl}/tuf/timestamp.json`);
  expect((await first.text()).length).toBeLessThan(600);
  const known = { 'if-none-match': first.headers.get('etag') ?? '' };
  const again = await fetch(`${server.httpUrl}/tuf/timestamp.json`, { headers: known });
  expect([again.status, (await again.text()).length]).toEqual([304, 0]);
  const keys = (await readdir(join(server.dataDir, 'keys'))).filter((name) => name.endsWith('.pem'));
  expect(keys.length).toBe(6);
  for (const name of keys) expect((await stat(join(server.dataDir, 'keys', name))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(server.dataDir, 'keys', '1.root.json'), 'utf8')).toContain('"root"');
});
