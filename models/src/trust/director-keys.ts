/** The signed target that says whose assignments a device follows: `director/keys.json`. */
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { ModelError } from '../errors.ts';
import { keyIdOf, keyObjectOf, tufKeyOf } from './signing-key.ts';

export const DIRECTOR_KEYS_TARGET = 'director/keys.json';

const documentSchema = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        keytype: z.literal('ed25519'),
        scheme: z.literal('ed25519'),
        keyval: z.strictObject({ public: z.string().regex(/^[0-9a-f]{64}$/) }),
      }),
    )
    .min(1)
    .max(16),
});

/** Bytes of the target; either halves of the keys, the newest first. */
export const writeDirectorKeys = (keys: readonly KeyObject[]): Uint8Array =>
  Buffer.from(`${JSON.stringify({ keys: keys.map(tufKeyOf) })}\n`, 'utf8');

/** Public keys by the key id that follows from each; what the file says of ids is not asked. Throws DIRECTOR_KEYS_INVALID. */
export const readDirectorKeys = (bytes: Uint8Array): ReadonlyMap<string, KeyObject> => {
  try {
    const { keys } = documentSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return new Map(keys.map(keyObjectOf).map((key) => [keyIdOf(key), key]));
  } catch (cause) {
    throw new ModelError('DIRECTOR_KEYS_INVALID', `${DIRECTOR_KEYS_TARGET} is malformed`, { cause });
  }
};
