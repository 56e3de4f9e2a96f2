/** Writes a bundle folder: the files, a manifest that lists them, and a signature when there is a key. */
import { createHash, type KeyObject } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { featureViewHash } from '../features/schema-hash.ts';
import { parseManifest, type BundleFile, type BundleManifest } from './manifest.ts';
import { signManifest } from './signature.ts';

export interface BundleContent {
  /** The manifest without what follows from the content. */
  readonly manifest: Omit<BundleManifest, 'files' | 'featureViewHash'>;
  readonly files: readonly { readonly path: string; readonly role: BundleFile['role']; readonly bytes: Uint8Array }[];
  readonly signer?: { readonly keyId: string; readonly privateKey: KeyObject };
}

const describe = ({ path, role, bytes }: BundleContent['files'][number]): BundleFile => ({
  path,
  role,
  sha256: createHash('sha256').update(bytes).digest('hex'),
  lengthBytes: bytes.byteLength,
});

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Next to the target, so that the rename stays on one file system. */
const stage = async (target: string, write: (folder: string) => Promise<void>): Promise<void> => {
  const staging = `${target}.partial`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  await write(staging);
  await rm(target, { recursive: true, force: true });
  await rename(staging, target);
};

/** Replaces `folder` as a whole and returns the manifest. Throws BUNDLE_MANIFEST_INVALID before anything is written. */
export const writeBundle = async (folder: string, content: BundleContent): Promise<BundleManifest> => {
  const { featureView } = content.manifest;
  const manifest = parseManifest({
    ...content.manifest,
    ...(featureView !== undefined && { featureViewHash: featureViewHash(featureView) }),
    files: content.files.map(describe),
  });
  await stage(resolve(folder), async (staging) => {
    for (const { path, bytes } of content.files) {
      await mkdir(dirname(join(staging, path)), { recursive: true });
      await writeFile(join(staging, path), bytes);
    }
    await writeFile(join(staging, 'manifest.json'), json(manifest));
    if (content.signer === undefined) return;
    const { keyId, privateKey } = content.signer;
    await writeFile(join(staging, 'signature.json'), json(signManifest(manifest, keyId, privateKey)));
  });
  return manifest;
};
