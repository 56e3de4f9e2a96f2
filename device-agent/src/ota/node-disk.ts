/** The disk of this machine as the updater uses it. */
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unpackBundle } from '@shoal/models/trust';
import { systemCodeOf } from './update-fault.ts';
import type { UpdateDisk } from './update-disk.port.ts';

const ABSENT: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR'];
const isAbsent = (error: unknown): boolean => ABSENT.includes(systemCodeOf(error));

const orUndefined = async <T>(found: Promise<T>): Promise<T | undefined> => {
  try {
    return await found;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
};

const withFile = async <T>(
  path: string,
  flags: string,
  use: (file: Awaited<ReturnType<typeof open>>) => Promise<T>,
): Promise<T> => {
  const file = await open(path, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
};

const sync: UpdateDisk['sync'] = (path) => withFile(path, 'r', (file) => file.sync());

/** Throws what the system throws, with its `code`. */
export const nodeDisk: UpdateDisk = {
  read: (path) => orUndefined(readFile(path)),
  readAt: (path, offset, length) =>
    withFile(path, 'r', async (file) => {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    }),
  size: async (path) => (await orUndefined(stat(path)))?.size,
  list: async (folder) => (await orUndefined(readdir(folder))) ?? [],
  freeBytes: async (folder) => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  makeFolder: async (path) => {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    for (let made = path; made.length >= first.length; made = dirname(made)) await sync(dirname(made));
  },
  write: (path, bytes) => writeFile(path, bytes),
  writeAt: async (path, offset, bytes) => {
    const flags = (await orUndefined(stat(path))) === undefined ? 'w' : 'r+';
    await withFile(path, flags, (file) => file.write(bytes, 0, bytes.byteLength, offset));
  },
  truncate: async (path, length) => {
    const size = (await orUndefined(stat(path)))?.size ?? 0;
    if (size > length) await truncate(path, length);
  },
  sync,
  rename: (from, to) => rename(from, to),
  unpack: async (archive, folder) => void (await unpackBundle(archive, folder)),
  remove: (path) => rm(path, { recursive: true, force: true }),
};
