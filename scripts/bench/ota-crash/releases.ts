/** Two versions of one small model, packed and signed, and what a repository would say of them. */
import type { KeyObject } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { readBundle, readCatalog } from '@shoal/models';
import {
  CHUNK_BYTES,
  hashContent,
  packBundle,
  releaseTargetPath,
  signAssignment,
  writeDirectorKeys,
} from '@shoal/models/trust';
import type { AssignedModel, SignedAssignment } from '@shoal/protocol';
import type { TargetFacts } from '@shoal/device-agent/ota/look';

export const DEVICE = 'bench';
export const MODEL = 'pump-anomaly';

export interface Release {
  readonly version: string;
  readonly digest: string;
  readonly blob: Uint8Array;
  readonly facts: TargetFacts;
}

/** The shipped model under another version. */
const releaseOf = async (folder: string, version: string, releaseCounter: number): Promise<Release> => {
  const shipped = (await readCatalog()).find((entry) => entry.name === MODEL && entry.version === '1.0.0');
  if (shipped === undefined) throw new Error(`the catalogue has no ${MODEL} 1.0.0`);
  const copy = join(folder, version);
  await mkdir(folder, { recursive: true });
  await cp(shipped.folder, copy, { recursive: true });
  const path = join(copy, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...manifest, version, releaseCounter }));
  const { digest } = await readBundle(copy, { signaturePolicy: 'allow-unsigned' });
  const blob = await buffer(await packBundle(copy));
  const hashed = await hashContent(
    (async function* () {
      yield blob;
    })(),
  );
  const custom = { name: MODEL, version, releaseCounter, manifestSha256: digest, chunkBytes: CHUNK_BYTES };
  return {
    version,
    digest,
    blob,
    facts: {
      path: releaseTargetPath(MODEL, version, hashed.sha256),
      lengthBytes: hashed.lengthBytes,
      sha256: hashed.sha256,
      custom: { ...custom, chunks: hashed.chunks, minimumAgent: '0.0.1', memoryMb: 16, arch: [] },
    },
  };
};

export interface Releases {
  readonly first: Release;
  readonly second: Release;
  /** Content of the target that names whom devices follow. */
  readonly directorKeys: string;
}

export const makeReleases = async (folder: string, director: KeyObject): Promise<Releases> => ({
  first: await releaseOf(folder, '1.0.1', 2),
  second: await releaseOf(folder, '1.0.2', 3),
  directorKeys: Buffer.from(writeDirectorKeys([director])).toString('utf8'),
});

export const deploymentOf = (counter: number): string => `deployment-${counter}`;

export const assignmentOf = (director: KeyObject, release: Release, counter: number): SignedAssignment => {
  const { sha256, lengthBytes, path } = release.facts;
  const model: AssignedModel = {
    deploymentId: deploymentOf(counter),
    name: MODEL,
    version: release.version,
    target: path,
    sha256,
    lengthBytes,
    releaseCounter: Number(release.facts.custom['releaseCounter']),
    jitterSeconds: 0,
    shadow: { minWindows: 2, maxSeconds: 600, minAgreementPpm: 900_000 },
    probation: { minInferences: 2, minSeconds: 0, maxSeconds: 600 },
  };
  const now = Date.now();
  const signed = { _type: 'shoal-assignment', deviceId: DEVICE, counter, issuedAt: now, expires: now + 1e9 } as const;
  return signAssignment({ ...signed, models: [model], floors: {} }, director);
};
