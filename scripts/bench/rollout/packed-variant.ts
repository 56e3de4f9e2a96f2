/** A bundle made of the shipped pump model, spoilt or not, under another version, signed and packed. */
import type { KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { catalogFolder, readBundle, writeBundle, type BundleManifest, type Golden } from '@shoal/models';
import { packBundle } from '@shoal/models/trust';

const SHIPPED = join(catalogFolder(), 'pump-anomaly', '1.1.0');
/** Under which devices trust a key. */
export const PUBLISHER = 'publisher';

export interface Contents {
  readonly model: Buffer;
  readonly golden: Golden;
  readonly manifest: BundleManifest;
  /** Says that it is the publisher. */
  readonly signer: KeyObject;
}

/** What is made of the shipped content. */
export type Spoil = (contents: Contents) => Contents;

export const GOOD: Spoil = (contents) => contents;

const contentsOf = async (signer: KeyObject): Promise<Contents> => {
  const { modelPath, golden, manifest } = await readBundle(SHIPPED, { signaturePolicy: 'allow-unsigned' });
  return { model: await readFile(modelPath), golden, manifest, signer };
};

/** Signed by `signer` unless it is spoilt otherwise. */
export const packed = async (
  version: string,
  releaseCounter: number,
  signer: KeyObject,
  spoil: Spoil,
): Promise<Uint8Array<ArrayBuffer>> => {
  const { manifest, ...spoilt } = spoil(await contentsOf(signer));
  const { files, featureViewHash: _hash, ...described } = manifest;
  const bytesOf = async (path: string): Promise<Uint8Array> => {
    if (path === 'model.onnx') return spoilt.model;
    return path === 'golden.json' ? Buffer.from(JSON.stringify(spoilt.golden)) : readFile(join(SHIPPED, path));
  };
  const folder = await mkdtemp(join(tmpdir(), 'shoal-variant-'));
  try {
    const bundle = join(folder, 'bundle');
    await writeBundle(bundle, {
      manifest: { ...described, version, releaseCounter },
      files: await Promise.all(files.map(async ({ path, role }) => ({ path, role, bytes: await bytesOf(path) }))),
      signer: { keyId: PUBLISHER, privateKey: spoilt.signer },
    });
    return new Uint8Array(await buffer(await packBundle(bundle)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
