/** Builds and signs the metadata of a TUF repository (1.0.31) with succinct hash bins (TAP 15). */
import { createHash, type KeyObject } from 'node:crypto';
import { MetadataKind, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { keyIdOf, signCanonical, tufKeyOf, type TufKey } from './signing-key.ts';

const SPEC_VERSION = '1.0.31';
const BIN_PREFIX = 'bin';

/** `expires` is an instant, whole seconds in UTC. */
interface Signing {
  readonly version: number;
  readonly expires: Date;
  /** Private keys; each adds its signature. */
  readonly signers: readonly KeyObject[];
}

/** A role and the keys, of either half, that may sign it. */
export interface RoleKeys {
  readonly keys: readonly KeyObject[];
  readonly threshold: number;
}

/** Integers and strings only, and lists and records of them. */
export type CustomValue = string | number | boolean | readonly CustomValue[] | { readonly [key: string]: CustomValue };

export interface TargetEntry {
  readonly path: string;
  readonly lengthBytes: number;
  /** Hex. */
  readonly sha256: string;
  readonly custom?: Readonly<Record<string, CustomValue>>;
}

/** `2026-01-01T00:00:00Z` (TUF 4.2.1). */
const instant = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z');

const common = ({ version, expires }: Signing): { version: number; expires: string; specVersion: string } => ({
  version,
  expires: instant(expires),
  specVersion: SPEC_VERSION,
});

/** As `Metadata.toJSON` has it; asked for once, because it takes quadratic time (a snapshot lists hundreds of bins). */
const seal = (signed: Root | Targets | Snapshot | Timestamp, signers: readonly KeyObject[]): Uint8Array => {
  const content = signed.toJSON();
  const signatures = signers.map((signer) => signCanonical(content, signer));
  return Buffer.from(JSON.stringify({ signatures, signed: content }), 'utf8');
};

const keyRecord = (roles: readonly RoleKeys[]): Record<string, TufKey> =>
  Object.fromEntries(roles.flatMap(({ keys }) => keys).map((key) => [keyIdOf(key), tufKeyOf(key)]));

const roleRecord = ({ keys, threshold }: RoleKeys): { keyids: string[]; threshold: number } => ({
  keyids: keys.map(keyIdOf),
  threshold,
});

export interface RootRoles {
  readonly root: RoleKeys;
  readonly targets: RoleKeys;
  readonly snapshot: RoleKeys;
  readonly timestamp: RoleKeys;
}

/** A new root is signed with the keys of the root before it and with its own (TUF 6.1). */
export const signRoot = (signing: Signing, roles: RootRoles): Uint8Array => {
  const root = Root.fromJSON({
    _type: MetadataKind.Root,
    spec_version: SPEC_VERSION,
    version: signing.version,
    expires: instant(signing.expires),
    consistent_snapshot: true,
    keys: JSON.parse(JSON.stringify(keyRecord(Object.values(roles) as RoleKeys[]))) as Record<string, never>,
    roles: Object.fromEntries(Object.entries(roles).map(([name, role]) => [name, roleRecord(role as RoleKeys)])),
  });
  return seal(root, signing.signers);
};

/** Names no target itself: each lies in the bin that the hash of its path chooses. There are 2 ** `bitLength` bins. */
export const signTargets = (signing: Signing, bins: RoleKeys, bitLength: number): Uint8Array => {
  const targets = Targets.fromJSON({
    _type: MetadataKind.Targets,
    spec_version: SPEC_VERSION,
    version: signing.version,
    expires: instant(signing.expires),
    targets: {},
    delegations: {
      keys: JSON.parse(JSON.stringify(keyRecord([bins]))) as Record<string, never>,
      succinct_roles: { ...roleRecord(bins), bit_length: bitLength, name_prefix: BIN_PREFIX },
    },
  });
  return seal(targets, signing.signers);
};

const binName = (index: number, bitLength: number): string =>
  `${BIN_PREFIX}-${index.toString(16).padStart((2 ** bitLength - 1).toString(16).length, '0')}`;

/** Names of all bins, as they stand in file names and in the snapshot. */
export const binNames = (bitLength: number): string[] =>
  Array.from({ length: 2 ** bitLength }, (_, index) => binName(index, bitLength));

/** The leftmost bits of the sha256 of the path (TAP 15). */
export const binOf = (path: string, bitLength: number): string =>
  binName(createHash('sha256').update(path).digest().readUInt32BE() >>> (32 - bitLength), bitLength);

export const signBin = (signing: Signing, entries: readonly TargetEntry[]): Uint8Array => {
  const targets = new Targets({ ...common(signing), targets: {} });
  for (const { path, lengthBytes, sha256, custom } of entries)
    targets.addTarget(
      new TargetFile({
        path,
        length: lengthBytes,
        hashes: { sha256 },
        ...(custom !== undefined && { unrecognizedFields: { custom: custom as Record<string, never> } }),
      }),
    );
  return seal(targets, signing.signers);
};

/** `versions`: of `targets` and of every bin. */
export const signSnapshot = (signing: Signing, versions: ReadonlyMap<string, number>): Uint8Array => {
  const meta = Object.fromEntries([...versions].map(([role, version]) => [`${role}.json`, new MetaFile({ version })]));
  return seal(new Snapshot({ ...common(signing), meta }), signing.signers);
};

export const signTimestamp = (signing: Signing, snapshotVersion: number): Uint8Array =>
  seal(
    new Timestamp({ ...common(signing), snapshotMeta: new MetaFile({ version: snapshotVersion }) }),
    signing.signers,
  );
