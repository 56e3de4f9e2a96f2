/** What the repository says of one released bundle: its path among the targets and the `custom` part of its target. */
import { z } from 'zod';
import { ModelError } from '../errors.ts';
import { CHUNK_BYTES } from './chunk-hashes.ts';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** Integers and strings only: canonical JSON has no fractions. */
const releaseCustomSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  releaseCounter: z.int().min(1),
  /** Digest of the manifest, by which a device reports what it runs. */
  manifestSha256: sha256Schema,
  chunkBytes: z.literal(CHUNK_BYTES),
  /** sha256 of each chunk of the archive, in order. */
  chunks: z.array(sha256Schema).min(1).max(1_024),
  minimumAgent: z.string(),
  memoryMb: z.int().min(1),
  /** As in `process.arch`; empty means any. */
  arch: z.array(z.string()).max(16),
});
export type ReleaseCustom = z.infer<typeof releaseCustomSchema>;

/** `sha256` is hex, of the packed archive. */
export const releaseTargetPath = (name: string, version: string, sha256: string): string =>
  `models/${name}/${version}/${sha256}`;

/** `custom` of a target as tuf-js gives it. Throws RELEASE_TARGET_INVALID. */
export const readReleaseCustom = (custom: unknown): ReleaseCustom => {
  const parsed = releaseCustomSchema.safeParse(custom);
  if (parsed.success) return parsed.data;
  throw new ModelError('RELEASE_TARGET_INVALID', `The target is no release: ${parsed.error.message}`);
};
