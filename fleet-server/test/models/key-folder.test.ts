/** The folder of signing keys: what the ceremony writes, what a rotation changes, and that clients follow each of them. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { binNames, keyIdOf, readDirectorKeys, signBin, signSnapshot, signTimestamp } from '@shoal/models/trust';
import { Updater } from 'tuf-js';
import { FleetError } from '../../src/errors.ts';
import { hasKeys, initKeys, readKeyRing, rotateKeys, type KeyRing, type KeyRole } from '../../src/models/key-folder.ts';

const BITS = 2;
const now = Date.now();
const SIZE = { rootKeys: 3, rootThreshold: 2, bits: BITS };
let base: string;
let [folder, offline] = ['', ''];
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'shoal-keys-'));
  [folder, offline] = [join(base, 'keys'), join(base, 'offline')];
  await initKeys({ folder, offline, now }, SIZE);
});
afterEach(() => rm(base, { recursive: true, force: true }));

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'resolved',
    (error: unknown) => (error instanceof FleetError ? error.code : error),
  );
const rotate = (role: KeyRole, from = offline): Promise<void> => rotateKeys({ folder, offline: from, now }, role);

/** Everything that a server signs with a ring, as it is fetched. */
const published = (ring: KeyRing, version: number): Map<string, Uint8Array> => {
  const expires = new Date(now + 86_400_000);
  const names = binNames(BITS);
  const { bins, snapshot, timestamp } = ring.signers;
  const versions = new Map([
    ['targets', ring.targetsVersion],
    ...names.map((name): [string, number] => [name, version]),
  ]);
  return new Map([
    ...ring.roots.map((root, index): [string, Uint8Array] => [`${index + 1}.root.json`, root]),
    [`${ring.targetsVersion}.targets.json`, ring.targets],
    ...names.map((name): [string, Uint8Array] => [
      `${version}.${name}.json`,
      signBin({ version, expires, signers: [bins] }, []),
    ]),
    [`${version}.snapshot.json`, signSnapshot({ version, expires, signers: [snapshot] }, versions)],
    ['timestamp.json', signTimestamp({ version, expires, signers: [timestamp] }, version)],
  ]);
};

test('a client that has the first root follows the rotation of every role', async () => {
  let files = published(await readKeyRing(folder), 1);
  const server: Server = createServer(({ url = '' }, response) => {
    const file = files.get(url.slice(1));
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const metadataDir = join(base, 'client');
  await mkdir(metadataDir);
  await writeFile(join(metadataDir, 'root.json'), files.get('1.root.json') as Uint8Array);
  const metadataBaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const look = () =>
    new Updater({ metadataDir, metadataBaseUrl, config: { fetchRetry: 0 } }).getTargetInfo('models/none');
  expect(await look()).toBeUndefined();
  let version = 1;
  for (const role of ['timestamp', 'snapshot', 'bins', 'targets', 'root'] as const) {
    const before = await readKeyRing(folder);
    await rotate(role);
    const ring = await readKeyRing(folder);
    version += 1;
    files = published(ring, version);
    expect(await look()).toBeUndefined();
    expect(keyIdOf(ring.signers.bins) === keyIdOf(before.signers.bins)).toBe(role !== 'bins');
  }
  server.close();
});

test('the director keeps the key before until the next rotation', async () => {
  const first = keyIdOf((await readKeyRing(folder)).signers.director);
  await rotate('director');
  const second = await readKeyRing(folder);
  expect([...readDirectorKeys(second.directorKeys).keys()]).toEqual([keyIdOf(second.signers.director), first]);
  await rotate('director');
  const third = await readKeyRing(folder);
  expect([...readDirectorKeys(third.directorKeys).keys()]).not.toContain(first);
});

test('offline keys are nowhere else, and without enough of them there is no new root', async () => {
  const names = await readdir(folder);
  expect(names.filter((name) => /^(root|targets)-/.test(name))).toEqual([]);
  expect((await readKeyRing(folder)).isDevelopment).toBe(false);
  const [one, two] = (await readdir(offline)).filter((name) => name.startsWith('root-'));
  await rename(join(offline, one ?? ''), join(base, 'elsewhere'));
  await rotate('timestamp');
  await rename(join(offline, two ?? ''), join(base, 'elsewhere'));
  expect(await codeOf(rotate('timestamp'))).toBe('KEYS_INVALID');
  expect(await codeOf(rotate('bins', base))).toBe('KEYS_INVALID');
});

test('keys are made once, and a folder that lacks one is named', async () => {
  expect(await codeOf(initKeys({ folder, offline, now }, SIZE))).toBe('KEYS_EXIST');
  expect(await hasKeys(join(base, 'none'))).toBe(false);
  const [pem = ''] = (await readdir(folder)).filter((name) => name.startsWith('timestamp-'));
  const path = join(folder, pem);
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.slice(0, 40));
  expect(await codeOf(readKeyRing(folder))).toBe('KEYS_INVALID');
  await rm(path);
  expect(await codeOf(readKeyRing(folder))).toBe('KEYS_INVALID');
});
