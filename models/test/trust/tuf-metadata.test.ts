import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  binNames,
  binOf,
  createSigningKey,
  readReleaseCustom,
  releaseTargetPath,
  signBin,
  signRoot,
  signSnapshot,
  signTargets,
  signTimestamp,
  type RootRoles,
  type TargetEntry,
} from '@shoal/models/trust';
import type { KeyObject } from 'node:crypto';
import { Updater } from 'tuf-js';
import { thrownCode } from '../conditions.ts';

const BITS = 4;
const expires = new Date(Date.now() + 86_400_000);
const files = new Map<string, Uint8Array>();
let server: Server;
let folder: string;

const role = (keys: readonly KeyObject[], threshold = 1) => ({ keys, threshold });
const newKey = (): KeyObject => createSigningKey();
const roots = [newKey(), newKey(), newKey()];
const [targetsKey, binsKey, snapshotKey, timestampKey] = [newKey(), newKey(), newKey(), newKey()];
const roles: RootRoles = {
  root: role(roots, 2),
  targets: role([targetsKey]),
  snapshot: role([snapshotKey]),
  timestamp: role([timestampKey]),
};

const sha256 = createHash('sha256').update('a bundle').digest('hex');
const entry: TargetEntry = {
  path: releaseTargetPath('pump-anomaly', '1.1.0', sha256),
  lengthBytes: 8,
  sha256,
  custom: {
    name: 'pump-anomaly',
    version: '1.1.0',
    releaseCounter: 2,
    manifestSha256: 'b'.repeat(64),
    chunkBytes: 1_048_576,
    chunks: [sha256],
    minimumAgent: '0.1.0',
    memoryMb: 16,
    arch: [],
  },
};

/** Publishes version `version` of everything with `entries`, in the order that a reader in between can live with. */
const publish = (version: number, entries: readonly TargetEntry[], signer = snapshotKey): void => {
  const names = binNames(BITS);
  for (const name of names) {
    const own = entries.filter(({ path }) => binOf(path, BITS) === name);
    files.set(`${version}.${name}.json`, signBin({ version, expires, signers: [binsKey] }, own));
  }
  files.set(`${version}.targets.json`, signTargets({ version, expires, signers: [targetsKey] }, role([binsKey]), BITS));
  const versions = new Map(['targets', ...names].map((name) => [name, version]));
  files.set(`${version}.snapshot.json`, signSnapshot({ version, expires, signers: [signer] }, versions));
  files.set('timestamp.json', signTimestamp({ version, expires, signers: [timestampKey] }, version));
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-tuf-'));
  files.set('1.root.json', signRoot({ version: 1, expires, signers: roots.slice(0, 2) }, roles));
  publish(1, [entry]);
  server = createServer(({ url = '' }, response) => {
    const file = files.get(url.slice(1));
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

let clients = 0;
const client = async (): Promise<() => Updater> => {
  const metadataDir = join(folder, String((clients += 1)));
  await mkdir(metadataDir);
  await writeFile(join(metadataDir, 'root.json'), files.get('1.root.json') as Uint8Array);
  const metadataBaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return () => new Updater({ metadataDir, metadataBaseUrl, config: { fetchRetry: 0 } });
};

describe('an unmodified tuf-js client', () => {
  test('finds a target with what it says of it, follows new versions, and knows what is not there', async () => {
    const fresh = await client();
    const found = await fresh().getTargetInfo(entry.path);
    expect(found).toMatchObject({ length: 8, hashes: { sha256 } });
    expect(readReleaseCustom(found?.custom)).toEqual(entry.custom);
    const other = { ...entry, path: `${entry.path.slice(0, -1)}0` };
    expect(await fresh().getTargetInfo(other.path)).toBeUndefined();
    publish(2, [entry, other]);
    expect((await fresh().getTargetInfo(other.path))?.path).toBe(other.path);
  });

  test('goes from root to root by their threshold and refuses one that has too few signatures', async () => {
    const fresh = await client();
    const next: RootRoles = { ...roles, root: role([newKey(), newKey()], 2) };
    files.set(
      '2.root.json',
      signRoot({ version: 2, expires, signers: [roots[0] as KeyObject, ...next.root.keys] }, next),
    );
    await expect(fresh().refresh()).rejects.toThrow('root was signed by 1/2 keys');
    files.set('2.root.json', signRoot({ version: 2, expires, signers: [...roots.slice(1), ...next.root.keys] }, next));
    await fresh().refresh();
    files.delete('2.root.json');
  });

  test('refuses a snapshot by another key, versions that go back, and what has expired', async () => {
    publish(3, [entry]);
    const fresh = await client();
    await fresh().refresh();
    const newest = files.get('timestamp.json') as Uint8Array;
    publish(4, [entry], newKey());
    await expect(fresh().refresh()).rejects.toThrow('snapshot was signed by 0/1 keys');
    const past = new Date(Date.now() - 1_000);
    const stale = await client();
    files.set('timestamp.json', signTimestamp({ version: 9, expires: past, signers: [timestampKey] }, 3));
    await expect(stale().refresh()).rejects.toThrow('expired');
    const behind = await client();
    files.set('timestamp.json', newest);
    await behind().refresh();
    files.set('timestamp.json', signTimestamp({ version: 2, expires, signers: [timestampKey] }, 2));
    await expect(behind().refresh()).rejects.toThrow('less than current version');
  });
});

test('a target that says less than a release must is refused', () => {
  const { chunks: _, ...less } = entry.custom ?? {};
  for (const custom of [undefined, {}, less, { ...entry.custom, chunkBytes: 5 }])
    expect(thrownCode(() => readReleaseCustom(custom))).toBe('RELEASE_TARGET_INVALID');
});
