/**
 * The folder of signing keys: private keys as `{role}-{key id}.pem` for their owner alone, and the metadata that the
 * offline keys signed. Whoever holds the root keys elsewhere gives that folder for the ceremony and takes it away again.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createSigningKey,
  keyIdOf,
  readDirectorKeys,
  readRootMetadata,
  readTargetsMetadata,
  signRoot,
  signTargets,
  writeDirectorKeys,
  type RootFacts,
  type RoleKeys,
} from '@shoal/models/trust';
import { FleetError } from '../errors.ts';

/** `root` and `targets` sign rarely and can be elsewhere; the others sign while the server runs. */
export const OFFLINE_ROLES = ['root', 'targets'] as const;
export const ONLINE_ROLES = ['bins', 'snapshot', 'timestamp', 'director'] as const;
export type KeyRole = (typeof OFFLINE_ROLES)[number] | (typeof ONLINE_ROLES)[number];
type RootRole = 'root' | 'targets' | 'snapshot' | 'timestamp';

const YEAR_MS = 365 * 86_400_000;
const DIRECTOR = 'director.json';

export interface KeyCeremony {
  readonly folder: string;
  /** Where private keys of root and targets lie; the same folder for development. */
  readonly offline: string;
  readonly now: number;
}

export interface CeremonySize {
  readonly rootKeys: number;
  readonly rootThreshold: number;
  /** There are 2 ** bits bins of targets. */
  readonly bits: number;
}

/** What a server signs with, and what was signed for it. */
export interface KeyRing {
  /** Every root there was, the first first. */
  readonly roots: readonly Uint8Array[];
  readonly root: RootFacts;
  readonly targets: Uint8Array;
  readonly targetsVersion: number;
  readonly targetsExpireAt: number;
  readonly bits: number;
  readonly directorKeys: Uint8Array;
  readonly signers: Readonly<Record<(typeof ONLINE_ROLES)[number], KeyObject>>;
  /** A private root key lies beside those that the server uses: whoever takes the server takes the fleet. */
  readonly isDevelopment: boolean;
}

const writeDurably = async (path: string, content: string | Uint8Array): Promise<void> => {
  const file = await open(`${path}.partial`, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.partial`, path);
};

const newKey = async (folder: string, role: KeyRole): Promise<KeyObject> => {
  const key = createSigningKey();
  const pem = key.export({ format: 'pem', type: 'pkcs8' });
  await writeDurably(join(folder, `${role}-${keyIdOf(key)}.pem`), pem);
  return key;
};

const invalid = (message: string, cause?: unknown): FleetError => new FleetError('KEYS_INVALID', message, { cause });

/** Private keys of a folder by key id. */
const privateKeys = async (folder: string, role: KeyRole): Promise<Map<string, KeyObject>> => {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw invalid(`The folder of keys ${folder} cannot be read.`, cause);
  });
  const keys = new Map<string, KeyObject>();
  for (const name of names.filter((file) => file.startsWith(`${role}-`) && file.endsWith('.pem'))) {
    try {
      const key = createPrivateKey(await readFile(join(folder, name)));
      keys.set(keyIdOf(key), key);
    } catch (cause) {
      throw invalid(`${join(folder, name)} holds no Ed25519 key.`, cause);
    }
  }
  return keys;
};

const versionsOf = async (folder: string, role: 'root' | 'targets'): Promise<number[]> => {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => new RegExp(String.raw`^(\d+)\.${role}\.json$`).exec(name)?.[1] ?? [])
    .map(Number)
    .sort((one, other) => one - other);
};

const signedFile = (folder: string, role: 'root' | 'targets', version: number): Promise<Buffer> =>
  readFile(join(folder, `${version}.${role}.json`));

const alone = (key: KeyObject): RoleKeys => ({ keys: [key], threshold: 1 });

export const hasKeys = async (folder: string): Promise<boolean> => (await versionsOf(folder, 'root')).length > 0;

/** The ceremony: all keys, the first root, the first targets. @throws FleetError KEYS_EXIST */
export const initKeys = async ({ folder, offline, now }: KeyCeremony, size: CeremonySize): Promise<void> => {
  if (await hasKeys(folder)) throw new FleetError('KEYS_EXIST', `${folder} holds signing keys already.`);
  for (const path of [folder, offline]) await mkdir(path, { recursive: true, mode: 0o700 });
  const rootKeys: KeyObject[] = [];
  for (let index = 0; index < size.rootKeys; index += 1) rootKeys.push(await newKey(offline, 'root'));
  const targets = await newKey(offline, 'targets');
  const [bins, snapshot, timestamp, director] = [
    await newKey(folder, 'bins'),
    await newKey(folder, 'snapshot'),
    await newKey(folder, 'timestamp'),
    await newKey(folder, 'director'),
  ];
  const signing = { version: 1, expires: new Date(now + YEAR_MS) };
  await writeDurably(join(folder, DIRECTOR), writeDirectorKeys([director]));
  await writeDurably(
    join(folder, '1.targets.json'),
    signTargets({ ...signing, signers: [targets] }, alone(bins), size.bits),
  );
  const roles = {
    root: { keys: rootKeys, threshold: size.rootThreshold },
    targets: alone(targets),
    snapshot: alone(snapshot),
    timestamp: alone(timestamp),
  };
  // The root comes last: with it the folder is one of keys.
  await writeDurably(join(folder, '1.root.json'), signRoot({ ...signing, signers: rootKeys }, roles));
};

const rootSigners = async (offline: string, { roles }: RootFacts): Promise<KeyObject[]> => {
  const keys = await privateKeys(offline, 'root');
  const held = roles.root.keys.flatMap((key) => keys.get(keyIdOf(key)) ?? []);
  if (held.length >= roles.root.threshold) return held;
  throw invalid(`${offline} holds ${held.length} of the ${roles.root.threshold} root keys that a new root needs.`);
};

const writeTargets = async (ceremony: KeyCeremony, signer: KeyObject, bins: KeyObject): Promise<void> => {
  const { folder, now } = ceremony;
  const last = (await versionsOf(folder, 'targets')).at(-1) ?? 0;
  const { bits } = readTargetsMetadata(await signedFile(folder, 'targets', last));
  const signing = { version: last + 1, expires: new Date(now + YEAR_MS), signers: [signer] };
  await writeDurably(join(folder, `${last + 1}.targets.json`), signTargets(signing, alone(bins), bits));
};

const writeRoot = async (ceremony: KeyCeremony, before: RootFacts, role: RootRole, keys: RoleKeys): Promise<void> => {
  const { folder, offline, now } = ceremony;
  const old = await rootSigners(offline, before);
  const version = before.version + 1;
  const signers = [
    ...new Map([...old, ...(role === 'root' ? keys.keys : [])].map((key) => [keyIdOf(key), key])).values(),
  ];
  const roles = { ...before.roles, [role]: keys };
  const signing = { version, expires: new Date(now + YEAR_MS), signers };
  await writeDurably(join(folder, `${version}.root.json`), signRoot(signing, roles));
};

const single = async (folder: string, role: KeyRole, keyId: string): Promise<KeyObject> => {
  const key = (await privateKeys(folder, role)).get(keyId);
  if (key === undefined) throw invalid(`${folder} lacks the private key ${keyId.slice(0, 16)} of ${role}.`);
  return key;
};

/**
 * New keys for a role, as many as it has; the server takes them up with its next start. Devices learn them from the
 * metadata, signed by the keys they know. @throws FleetError KEYS_INVALID
 */
export const rotateKeys = async (ceremony: KeyCeremony, role: KeyRole): Promise<void> => {
  const { folder, offline } = ceremony;
  const ring = await readKeyRing(folder);
  const { root } = ring;
  if (role === 'director') {
    const [current] = readDirectorKeys(ring.directorKeys).values();
    const next = await newKey(folder, 'director');
    // The one before stays valid until the next rotation: devices may hold assignments of it.
    await writeDurably(join(folder, DIRECTOR), writeDirectorKeys(current === undefined ? [next] : [next, current]));
    return;
  }
  if (role === 'bins' || role === 'targets') {
    const [known] = root.roles.targets.keys;
    if (known === undefined) throw invalid('The root names no key of targets.');
    const current =
      role === 'bins' ? await single(offline, 'targets', keyIdOf(known)) : await newKey(offline, 'targets');
    const bins = role === 'bins' ? await newKey(folder, 'bins') : ring.signers.bins;
    await writeTargets(ceremony, current, bins);
    if (role === 'targets') await writeRoot(ceremony, root, 'targets', alone(current));
    return;
  }
  const place = role === 'root' ? offline : folder;
  const keys: KeyObject[] = [];
  for (let index = 0; index < root.roles[role].keys.length; index += 1) keys.push(await newKey(place, role));
  await writeRoot(ceremony, root, role, { keys, threshold: root.roles[role].threshold });
};

/** @throws FleetError KEYS_INVALID */
export const readKeyRing = async (folder: string): Promise<KeyRing> => {
  try {
    const roots: Uint8Array[] = [];
    for (const version of await versionsOf(folder, 'root')) roots.push(await signedFile(folder, 'root', version));
    const newest = roots.at(-1);
    if (newest === undefined) throw invalid(`${folder} holds no root.`);
    const root = readRootMetadata(newest);
    const targets = await signedFile(folder, 'targets', (await versionsOf(folder, 'targets')).at(-1) ?? 0);
    const facts = readTargetsMetadata(targets);
    const directorKeys = await readFile(join(folder, DIRECTOR));
    const signer = (role: (typeof ONLINE_ROLES)[number], [key]: readonly KeyObject[]): Promise<KeyObject> =>
      single(folder, role, key === undefined ? '' : keyIdOf(key));
    return {
      roots,
      root,
      targets,
      targetsVersion: facts.version,
      targetsExpireAt: facts.expiresAt,
      bits: facts.bits,
      directorKeys,
      signers: {
        bins: await signer('bins', facts.bins),
        snapshot: await signer('snapshot', root.roles.snapshot.keys),
        timestamp: await signer('timestamp', root.roles.timestamp.keys),
        director: await signer('director', [...readDirectorKeys(directorKeys).values()]),
      },
      isDevelopment: (await privateKeys(folder, 'root')).size > 0,
    };
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw invalid(`The folder of keys ${folder} cannot be read.`, cause);
  }
};

/** What a ceremony broken off has left goes; nothing else. */
export const clearPartialFiles = async (folder: string): Promise<void> => {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((file) => file.endsWith('.partial'))) await rm(join(folder, name), { force: true });
};
