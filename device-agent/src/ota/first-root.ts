/** The root metadata that a device trusts from the beginning: a file it was given, or, on its own machine only, the first one it sees. */
import { join } from 'node:path';
import { AgentError, sentenceOf } from '../errors.ts';
import type { Logger } from '../runtime.ts';
import type { FileSource } from './blob-source.port.ts';
import type { UpdateDisk } from './update-disk.port.ts';

export interface FirstRootOptions {
  readonly disk: UpdateDisk;
  readonly folder: string;
  readonly source: FileSource;
  /** Never written. */
  readonly file: string | null;
  readonly logger: Logger;
}

export const PINNED_ROOT = 'first-root.json';
const MOST_BYTES = 65_536;

/** Bytes. Throws UPDATE_ROOT_UNKNOWN, UPDATE_OFFLINE, and what the disk throws. */
export const firstRoot = async (options: FirstRootOptions, signal: AbortSignal): Promise<Uint8Array> => {
  const { disk, folder, source, file, logger } = options;
  if (file !== null) {
    const given = await disk.read(file).catch((cause: unknown) => {
      throw new AgentError('UPDATE_ROOT_UNKNOWN', `${file} cannot be read: ${sentenceOf(cause)}`, { cause });
    });
    if (given !== undefined) return given;
    throw new AgentError('UPDATE_ROOT_UNKNOWN', `There is no ${file}.`);
  }
  const path = join(folder, PINNED_ROOT);
  const pinned = await disk.read(path);
  if (pinned !== undefined) return pinned;
  const bytes = await source.file('/tuf/1.root.json', MOST_BYTES, signal);
  if (bytes === undefined) throw new AgentError('UPDATE_OFFLINE', 'The fleet server has no root yet.');
  await disk.makeFolder(folder);
  await disk.write(`${path}.new`, bytes);
  await disk.sync(`${path}.new`);
  await disk.rename(`${path}.new`, path);
  await disk.sync(folder);
  logger.warn(
    { path },
    'TRUST ON FIRST USE: the root of the fleet was taken from its server unseen; give "updates.rootFile" outside of this machine',
  );
  return bytes;
};
