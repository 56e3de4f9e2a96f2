/** Public keys that may sign bundles, read from PEM files. */
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { TrustedKeys } from '@shoal/models';
import { AgentError } from '../errors.ts';

/** By key id, from paths of PEM files by key id. Throws CONFIG_INVALID naming the file that is no key. */
export const readTrustedKeys = async (files: Readonly<Record<string, string>>): Promise<TrustedKeys> => {
  const keys = Object.entries(files).map(async ([keyId, file]) => {
    try {
      return [keyId, createPublicKey(await readFile(file))] as const;
    } catch (cause) {
      throw new AgentError('CONFIG_INVALID', `inference.trustedKeys.${keyId}: ${file} is no public key in PEM.`, {
        cause,
      });
    }
  });
  return new Map(await Promise.all(keys));
};
