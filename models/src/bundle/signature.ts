/** Detached Ed25519 signatures over a manifest. */
import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { ModelError } from '../errors.ts';
import type { BundleManifest } from './manifest.ts';

/** Content of `signature.json`; `signature` is base64 of the 64 bytes (RFC 8032). */
export const bundleSignatureSchema = z.strictObject({
  keyId: z.string().min(1).max(128),
  algorithm: z.literal('ed25519'),
  signature: z.base64().length(88),
});
export type BundleSignature = z.infer<typeof bundleSignatureSchema>;

/** Public keys by key id; a private key is turned into its public half. */
export type TrustedKeys = ReadonlyMap<string, KeyObject>;

export const signManifest = (manifest: BundleManifest, keyId: string, privateKey: KeyObject): BundleSignature => ({
  keyId,
  algorithm: 'ed25519',
  signature: sign(null, Buffer.from(canonicalJson(manifest), 'utf8'), privateKey).toString('base64'),
});

const publicHalf = (key: KeyObject): KeyObject => (key.type === 'private' ? createPublicKey(key) : key);

/** Returns the key id. Throws BUNDLE_SIGNATURE_INVALID when malformed, by a key that is not trusted, or not over this manifest. */
export const verifyManifestSignature = (manifest: BundleManifest, signature: unknown, trusted: TrustedKeys): string => {
  const parsed = bundleSignatureSchema.safeParse(signature);
  const label = `${manifest.name}@${manifest.version}`;
  if (!parsed.success) throw new ModelError('BUNDLE_SIGNATURE_INVALID', `signature.json of ${label} is malformed`);
  const { keyId, signature: bytes } = parsed.data;
  const key = trusted.get(keyId);
  if (key === undefined)
    throw new ModelError('BUNDLE_SIGNATURE_INVALID', `${label} is signed by ${keyId}, which is not a trusted key`);
  const content = Buffer.from(canonicalJson(manifest), 'utf8');
  const genuine =
    key.asymmetricKeyType === 'ed25519' && verify(null, content, publicHalf(key), Buffer.from(bytes, 'base64'));
  if (!genuine) throw new ModelError('BUNDLE_SIGNATURE_INVALID', `The signature by ${keyId} is not over ${label}`);
  return keyId;
};
