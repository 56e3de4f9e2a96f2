import { cp, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createSigningKey } from '@shoal/models/trust';
import type { AssignedModel, Assignment } from '@shoal/protocol';
import { BundleShelf } from '../../../models/test/test-bundles.ts';
import { ReleaseServer, type Release } from './release-server.ts';
import { deviceAt, releaseOf, type TestDevice } from './updater-fixture.ts';

const YEAR_MS = 365 * 86_400_000;
const PATIENCE = { silenceMs: 300, leastBytesPerS: 1_000, graceMs: 50 };
const shelf = new BundleShelf();
const server = new ReleaseServer();
let device: TestDevice;
let folder: string;
let first: Release;
let second: Release;
let restore: () => void;

const assign = (over: Partial<Assignment> = {}, model: Partial<AssignedModel> = {}): void =>
  device.updater.take(server.assign([server.assigned(second, model)], over));

/** Has it look at the metadata, by an assignment of what it runs. */
const look = async (over: Partial<Assignment> = {}): Promise<string> => {
  const model = server.assigned(first);
  device.updater.take(server.assign([model], over));
  return (await device.adopts(model.deploymentId)).state;
};

/** Whole or as a delta. */
const isOfSecond = (url = ''): boolean => url.startsWith(`/blobs/sha256/${second.sha256}`);

/** The state that it reports with that cause, and what it runs still. */
const refusal = async (code: string): Promise<readonly unknown[]> => {
  const { state } = await device.says(code);
  return [state, device.host.serving?.manifest.version];
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-attacks-'));
  await server.start();
  first = await releaseOf(server, shelf, { version: '1.0.0', releaseCounter: 1 });
  second = await releaseOf(server, shelf, { version: '1.0.1', releaseCounter: 2 });
  device = await deviceAt({ folder: join(folder, 'template'), server });
  await look();
  await device.updater.stop();
  restore = server.restorePoint();
});
afterAll(async () => {
  await server.stop();
  await shelf.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** Each attack meets a device that runs the first version and knows its fleet. */
beforeEach(async () => {
  restore();
  const own = await mkdtemp(join(folder, 'device-'));
  await cp(join(folder, 'template'), own, { recursive: true });
  device = await deviceAt({ folder: own, server, patience: PATIENCE });
});
afterEach(() => device.updater.stop());

describe('a device that is kept from updates (Uptane 3.2)', () => {
  it('goes on with what it has when nothing answers, and says so', async () => {
    server.interfere = (request) => request.destroy() !== undefined;
    assign();
    expect(await refusal('UPDATE_OFFLINE')).toEqual(['assigned', '1.0.0']);
  });

  it('does not believe metadata that has expired, also when its clock is set back (freeze)', async () => {
    await look({ issuedAt: Date.now() + 10_000_000 });
    server.lifetimeMs = 5_000_000;
    server.publish();
    device.now = Date.now() - YEAR_MS;
    assign();
    expect(await refusal('UPDATE_METADATA_EXPIRED')).toEqual(['assigned', '1.0.0']);
  });

  it('waits out a clock that ran ahead, and goes on once the time is known again', async () => {
    device.now = Date.now() + 2 * YEAR_MS;
    assign();
    expect(await refusal('UPDATE_METADATA_EXPIRED')).toEqual(['assigned', '1.0.0']);
    device.now = Date.now();
    expect(await look()).toBe('committed');
  });

  it('leaves a source that gives a few bytes now and then (slow retrieval), and one that gives none', async () => {
    const trickles: NodeJS.Timeout[] = [];
    server.interfere = ({ url }, response) => {
      if (!isOfSecond(url)) return false;
      response.writeHead(206);
      trickles.push(setInterval(() => response.write('x'), 20));
      return true;
    };
    assign();
    expect(await refusal('UPDATE_TOO_SLOW')).toEqual(['downloading', '1.0.0']);
    server.interfere = ({ url }) => isOfSecond(url);
    expect(await refusal('UPDATE_OFFLINE')).toEqual(['downloading', '1.0.0']);
    for (const trickle of trickles) clearInterval(trickle);
  });

  it('gives an update up that comes in part only, and keeps nothing of it in force', async () => {
    server.interfere = ({ url }, response) => {
      if (!isOfSecond(url)) return false;
      response.writeHead(206).end(server.blobs.get(second.sha256)?.subarray(0, 900));
      return true;
    };
    assign();
    expect(await refusal('UPDATE_OFFLINE')).toEqual(['downloading', '1.0.0']);
  });
});

describe('a device that is to run what is old or does not belong together (Uptane 3.3)', () => {
  it('takes no metadata older than what it has seen (rollback)', async () => {
    const old = server.files.get('timestamp.json') ?? new Uint8Array();
    server.publish();
    await look();
    server.files.set('timestamp.json', old);
    assign();
    expect(await refusal('UPDATE_METADATA_OLDER')).toEqual(['assigned', '1.0.0']);
  });

  it('follows no assignment older than the last, past its time, or for another device', async () => {
    const old = server.assign([server.assigned(second)]);
    await look();
    device.updater.take(old);
    expect(await refusal('ASSIGNMENT_REPLAYED')).toEqual(['rejected', '1.0.0']);
    assign({ expires: Date.now() - 3_600_000 });
    expect(await refusal('ASSIGNMENT_EXPIRED')).toEqual(['rejected', '1.0.0']);
    assign({ deviceId: 'pump-08' });
    expect(await refusal('ASSIGNMENT_DEVICE_MISMATCH')).toEqual(['rejected', '1.0.0']);
  });

  it('reads no further than metadata may be long (endless data)', async () => {
    const endless: NodeJS.Timeout[] = [];
    server.interfere = ({ url }, response) => {
      if (url !== '/tuf/timestamp.json') return false;
      endless.push(setInterval(() => response.write(Buffer.alloc(8_192, ' ')), 5));
      return true;
    };
    assign();
    expect(await refusal('UPDATE_METADATA_UNTRUSTED')).toEqual(['assigned', '1.0.0']);
    for (const stream of endless) clearInterval(stream);
  });

  it('takes no bin of another snapshot (mix and match)', async () => {
    const old = new Map(server.files);
    server.publish();
    for (const name of server.files.keys()) {
      const [, version, role] = /^(\d+)\.(bin-\d+|targets)\.json$/.exec(name) ?? [];
      const before = old.get(`${Number(version) - 1}.${role}.json`);
      if (version !== undefined && !old.has(name) && before !== undefined) server.files.set(name, before);
    }
    assign();
    expect(await refusal('UPDATE_METADATA_UNTRUSTED')).toEqual(['assigned', '1.0.0']);
  });

  it('installs only what director and repository both name (mixed bundles)', async () => {
    assign({}, { releaseCounter: 7 });
    expect(await refusal('UPDATE_CONTRADICTED')).toEqual(['rejected', '1.0.0']);
    assign({}, { sha256: first.sha256 });
    expect(await refusal('UPDATE_CONTRADICTED')).toEqual(['rejected', '1.0.0']);
    assign({}, { target: second.target.replace('1.0.1', '1.0.2') });
    expect(await refusal('UPDATE_NOT_IN_REPOSITORY')).toEqual(['assigned', '1.0.0']);
    expect(await device.reaches('rejected')).toMatchObject({ cause: { code: 'UPDATE_NOT_IN_REPOSITORY' } });
  });
});

describe('a device that is to run the model of somebody else (Uptane 3.4)', () => {
  it('follows no director that the repository does not name, and no assignment that was changed', async () => {
    const stranger = createSigningKey();
    device.updater.take(server.assign([server.assigned(second)], {}, stranger));
    expect(await refusal('ASSIGNMENT_KEY_UNKNOWN')).toEqual(['rejected', '1.0.0']);
    const { signed, signatures } = server.assign([server.assigned(second)]);
    device.updater.take({ signed: { ...signed, floors: { hostile: 1 } }, signatures });
    expect(await refusal('ASSIGNMENT_SIGNATURE_INVALID')).toEqual(['rejected', '1.0.0']);
  });

  it('takes no targets that another key signed', async () => {
    server.keys.targets = createSigningKey();
    server.publish();
    assign();
    expect(await refusal('UPDATE_METADATA_UNTRUSTED')).toEqual(['assigned', '1.0.0']);
  });

  it('takes no bytes but those that were signed', async () => {
    const bytes = Buffer.from(server.blobs.get(second.sha256) ?? []);
    bytes[600] = (bytes[600] ?? 0) ^ 1;
    server.interfere = ({ url }, response) => {
      if (!isOfSecond(url)) return false;
      response.writeHead(206).end(bytes);
      return true;
    };
    assign();
    expect(await refusal('UPDATE_CHUNK_INVALID')).toEqual(['downloading', '1.0.0']);
  });
});

describe('metadata that a power cut tore', () => {
  it.each(['root.json', 'timestamp.json', 'snapshot.json', 'targets.json'])('is made whole again: %s', async (file) => {
    const metadata = join(device.folder, 'metadata');
    const newest = (await readdir(metadata)).sort().at(-1) ?? '';
    await truncate(join(metadata, newest, file), 40);
    expect(await look()).toBe('committed');
  });
});
