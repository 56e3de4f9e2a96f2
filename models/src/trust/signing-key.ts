/** Ed25519 keys as TUF names them: the key id is the sha256 of the canonical JSON of the key object (TUF 4.2). */
import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';

/** A public key as it stands in metadata; `public` is hex of the 32 bytes. */
export interface TufKey {
  readonly keytype: 'ed25519';
  readonly scheme: 'ed25519';
  readonly keyval: { readonly public: string };
}

const publicHalf = (key: KeyObject): KeyObject => (key.type === 'private' ? createPublicKey(key) : key);

/** Takes either half of an Ed25519 key; throws TypeError for another kind. */
export const tufKeyOf = (key: KeyObject): TufKey => {
  const { x, crv } = publicHalf(key).export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new TypeError('Not an Ed25519 key');
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: Buffer.from(x, 'base64url').toString('hex') } };
};

/** Throws TypeError when the hex is no key. */
export const keyObjectOf = ({ keyval }: TufKey): KeyObject =>
  createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(keyval.public, 'hex').toString('base64url') },
  });

/** 64 hex digits; the same for both halves of a key. */
export const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(canonicalize(tufKeyOf(key)))
    .digest('hex');

export interface HexSignature {
  readonly keyid: string;
  readonly sig: string;
}

/** Over the OLPC canonical JSON that TUF uses: integers and strings only. Throws TypeError for a fraction or undefined. */
export const signCanonical = (signed: unknown, privateKey: KeyObject): HexSignature => ({
  keyid: keyIdOf(privateKey),
  sig: sign(null, Buffer.from(canonicalize(signed), 'utf8'), privateKey).toString('hex'),
});

export const createSigningKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;
