/** A folder becomes a verified bundle: no byte is parsed before its digest is checked, no digest trusted before the signature. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { isModelError, ModelError } from '../errors.ts';
import { goldenSchema, type Golden } from './golden.ts';
import { parseManifest, type BundleFile, type BundleManifest } from './manifest.ts';
import { referenceSchema, type Reference } from './reference-sketch.ts';
import { verifyManifestSignature, type TrustedKeys } from './signature.ts';

/** Everything but the weights, which stay on disk: an engine process reads them and checks the digests again. */
export interface Bundle {
  readonly folder: string;
  readonly manifest: BundleManifest;
  /** Hex sha256 of the canonical JSON of the manifest: the name of these exact bytes, as a device reports it. */
  readonly digest: string;
  /** Absolute path and hex sha256 of the model file. */
  readonly modelPath: string;
  readonly modelSha256: string;
  /** Files the model file names, in the order of the manifest; `name` is the bundle path, `path` absolute. */
  readonly weights: readonly { readonly name: string; readonly path: string; readonly sha256: string }[];
  /** Names the bytes an engine loads: the sha256 of the model file, or one over it and its weights. */
  readonly modelKey: string;
  readonly golden: Golden;
  readonly reference: Reference | null;
  /** Key id of the verified signature, null when unsigned. */
  readonly signedBy: string | null;
}

/** `require`: an unsigned bundle is refused. A signature that is there must verify under either policy. */
export interface ReadBundleOptions {
  readonly signaturePolicy: 'require' | 'allow-unsigned';
  readonly trustedKeys?: TrustedKeys;
}

const MAX_JSON_BYTES = 16 * 1_024 * 1_024;

const isAbsent = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  (error.code === 'ENOENT' || error.code === 'ENOTDIR');

const readJson = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8')) as unknown;

/** The sha256 a manifest goes by. */
export const manifestDigest = (manifest: BundleManifest): string =>
  createHash('sha256').update(canonicalJson(manifest), 'utf8').digest('hex');

/** Throws BUNDLE_MISSING, BUNDLE_MANIFEST_INVALID. */
export const readManifest = async (folder: string): Promise<BundleManifest> => {
  const path = join(folder, 'manifest.json');
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ModelError('BUNDLE_MISSING', `No bundle in ${folder}: ${path} cannot be read`, { cause });
  });
  if (bytes.length > MAX_JSON_BYTES) throw new ModelError('BUNDLE_MANIFEST_INVALID', `${path} is too large`);
  try {
    return parseManifest(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    if (isModelError(cause)) throw cause;
    throw new ModelError('BUNDLE_MANIFEST_INVALID', `${path} is not JSON`, { cause });
  }
};

const readSigner = async (
  folder: string,
  manifest: BundleManifest,
  options: ReadBundleOptions,
): Promise<string | null> => {
  const signature = await readJson(join(folder, 'signature.json')).catch((cause: unknown) => {
    if (isAbsent(cause)) return null;
    throw new ModelError('BUNDLE_SIGNATURE_INVALID', `signature.json in ${folder} cannot be read`, { cause });
  });
  if (signature !== null) return verifyManifestSignature(manifest, signature, options.trustedKeys ?? new Map());
  if (options.signaturePolicy === 'allow-unsigned') return null;
  throw new ModelError(
    'BUNDLE_UNSIGNED',
    `${manifest.name}@${manifest.version} is not signed and the policy requires it`,
  );
};

const sha256OfFile = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
};

/** Throws BUNDLE_FILE_MISSING, BUNDLE_DIGEST_MISMATCH. */
export const checkBundleFile = async (folder: string, file: BundleFile): Promise<void> => {
  const path = join(folder, file.path);
  const entry = await lstat(path).catch((cause: unknown) => {
    throw new ModelError('BUNDLE_FILE_MISSING', `${path} is listed in the manifest and is not there`, { cause });
  });
  if (!entry.isFile()) throw new ModelError('BUNDLE_FILE_MISSING', `${path} is not a regular file`);
  if (entry.size !== file.lengthBytes)
    throw new ModelError(
      'BUNDLE_DIGEST_MISMATCH',
      `${path} has ${entry.size} bytes, the manifest says ${file.lengthBytes}`,
    );
  const sha256 = await sha256OfFile(path);
  if (sha256 !== file.sha256)
    throw new ModelError('BUNDLE_DIGEST_MISMATCH', `${path} has sha256 ${sha256}, the manifest says ${file.sha256}`);
};

/** Throws BUNDLE_CONTENT_INVALID. */
export const readContent = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
  try {
    return schema.parse(await readJson(path));
  } catch (cause) {
    throw new ModelError('BUNDLE_CONTENT_INVALID', `${path} does not match its schema`, { cause });
  }
};

const pathOf = (folder: string, manifest: BundleManifest, role: BundleFile['role']): BundleFile | undefined => {
  const file = manifest.files.find((candidate) => candidate.role === role);
  return file === undefined ? undefined : { ...file, path: join(folder, file.path) };
};

const weightsOf = (folder: string, { files }: BundleManifest): Bundle['weights'] =>
  files
    .filter(({ role }) => role === 'weights')
    .map(({ path, sha256 }) => ({ name: path, path: join(folder, path), sha256 }));

/** Two versions may share a topology and differ in their weights: what was found of one does not hold for the other. */
const keyOf = (modelSha256: string, weights: Bundle['weights']): string =>
  weights.length === 0
    ? modelSha256
    : createHash('sha256')
        .update([modelSha256, ...weights.map(({ name, sha256 }) => `${name} ${sha256}`)].join('\n'), 'utf8')
        .digest('hex');

/**
 * Throws BUNDLE_MISSING, BUNDLE_MANIFEST_INVALID, BUNDLE_SIGNATURE_INVALID, BUNDLE_UNSIGNED, BUNDLE_FILE_MISSING,
 * BUNDLE_DIGEST_MISMATCH, BUNDLE_CONTENT_INVALID.
 */
export const readBundle = async (folder: string, options: ReadBundleOptions): Promise<Bundle> => {
  const root = resolve(folder);
  const manifest = await readManifest(root);
  const signedBy = await readSigner(root, manifest, options);
  for (const file of manifest.files) await checkBundleFile(root, file);
  const [model, golden, reference] = (['model', 'golden', 'reference'] as const).map((role) =>
    pathOf(root, manifest, role),
  );
  if (model === undefined || golden === undefined)
    throw new ModelError('BUNDLE_MANIFEST_INVALID', 'A bundle has a model and golden vectors');
  const weights = weightsOf(root, manifest);
  return {
    folder: root,
    manifest,
    digest: manifestDigest(manifest),
    modelPath: model.path,
    modelSha256: model.sha256,
    weights,
    modelKey: keyOf(model.sha256, weights),
    golden: await readContent(golden.path, goldenSchema),
    reference: reference === undefined ? null : await readContent(reference.path, referenceSchema),
    signedBy,
  };
};
