/** One file for a bundle: a deterministic ustar archive, model files first so that versions of equal lengths align. */
import { createReadStream } from 'node:fs';
import { lstat, mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { ModelError } from '../errors.ts';
import { isBundlePath } from './bundle-path.ts';
import { parseManifest, type BundleManifest } from './manifest.ts';
import { BLOCK_BYTES, headerOf, paddingOf, readHeader, type ArchiveEntry } from './ustar.ts';

/** Of an archive as a whole; the registry takes no larger one. */
export const MAX_ARCHIVE_BYTES = 209_715_200;
/** 64 files of a manifest, the manifest and its signature. */
const MAX_ENTRIES = 66;
const COPY_BYTES = 1_048_576;

const ROLE_ORDER = ['model', 'weights', 'golden', 'reference', 'readme'] as const;

/** Model, weights, what speaks about them; within a role by path. The manifest comes last: its length varies most. */
const pathsOf = ({ files }: BundleManifest): string[] =>
  ROLE_ORDER.flatMap((role) =>
    files
      .filter((file) => file.role === role)
      .map(({ path }) => path)
      .sort(),
  );

const entryOf = async (folder: string, path: string): Promise<ArchiveEntry> => {
  const stats = await lstat(join(folder, path)).catch((cause: unknown) => {
    throw new ModelError('BUNDLE_FILE_MISSING', `${path} is not in ${folder}`, { cause });
  });
  if (!stats.isFile()) throw new ModelError('BUNDLE_FILE_MISSING', `${path} in ${folder} is not a regular file`);
  return { path, sizeBytes: stats.size };
};

const isThere = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

async function* archiveOf(folder: string, entries: readonly ArchiveEntry[]): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    yield headerOf(entry);
    let sent = 0;
    for await (const chunk of createReadStream(join(folder, entry.path), { highWaterMark: COPY_BYTES })) {
      const bytes = chunk as Buffer;
      sent += bytes.byteLength;
      yield bytes;
    }
    if (sent !== entry.sizeBytes)
      throw new ModelError('BUNDLE_DIGEST_MISMATCH', `${entry.path} in ${folder} changed while it was packed`);
    yield new Uint8Array(paddingOf(entry.sizeBytes));
  }
  yield new Uint8Array(2 * BLOCK_BYTES);
}

/**
 * The archive of a bundle folder as a stream of bytes: the same bytes for the same files, wherever and whenever. Files
 * that the manifest does not list are left out. Throws BUNDLE_MISSING, BUNDLE_MANIFEST_INVALID, BUNDLE_FILE_MISSING,
 * BUNDLE_ARCHIVE_TOO_LARGE; digests are `readBundle`'s to check.
 */
export const packBundle = async (folder: string): Promise<Readable> => {
  const root = resolve(folder);
  const text = await readFile(join(root, 'manifest.json'), 'utf8').catch((cause: unknown) => {
    throw new ModelError('BUNDLE_MISSING', `No bundle in ${root}: manifest.json cannot be read`, { cause });
  });
  const manifest = parseManifest(parseJson(text, root));
  const signed = (await isThere(join(root, 'signature.json'))) ? ['signature.json'] : [];
  const entries: ArchiveEntry[] = [];
  for (const path of [...pathsOf(manifest), 'manifest.json', ...signed]) entries.push(await entryOf(root, path));
  const total = entries.reduce((sum, { sizeBytes }) => sum + BLOCK_BYTES + sizeBytes + paddingOf(sizeBytes), 0);
  if (total + 2 * BLOCK_BYTES > MAX_ARCHIVE_BYTES)
    throw new ModelError(
      'BUNDLE_ARCHIVE_TOO_LARGE',
      `${root} has ${total} bytes, at most ${MAX_ARCHIVE_BYTES} are taken`,
    );
  return Readable.from(archiveOf(root, entries), { objectMode: false });
};

const parseJson = (text: string, folder: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ModelError('BUNDLE_MANIFEST_INVALID', `manifest.json in ${folder} is not JSON`, { cause });
  }
};

const readExactly = async (archive: FileHandle, length: number, position: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await archive.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead < length) throw new ModelError('BUNDLE_ARCHIVE_INVALID', 'The archive is cut off');
  return buffer;
};

const extract = async (archive: FileHandle, entry: ArchiveEntry, position: number, folder: string): Promise<void> => {
  const path = join(folder, entry.path);
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'wx');
  try {
    for (let done = 0; done < entry.sizeBytes; done += COPY_BYTES) {
      const length = Math.min(COPY_BYTES, entry.sizeBytes - done);
      await file.writeFile(await readExactly(archive, length, position + done));
    }
    await file.sync();
  } finally {
    await file.close();
  }
};

const refuseUnsafe = (entry: ArchiveEntry, seen: ReadonlySet<string>): void => {
  if (!isBundlePath(entry.path))
    throw new ModelError(
      'BUNDLE_ARCHIVE_UNSAFE',
      `The archive names ${JSON.stringify(entry.path)}, no plain relative path`,
    );
  if (seen.has(entry.path)) throw new ModelError('BUNDLE_ARCHIVE_UNSAFE', `The archive has ${entry.path} twice`);
};

const extractAll = async (archive: FileHandle, sizeBytes: number, folder: string): Promise<string[]> => {
  const seen = new Set<string>();
  for (let position = 0; ;) {
    const entry = readHeader(await readExactly(archive, BLOCK_BYTES, position));
    if (entry === null) return [...seen];
    refuseUnsafe(entry, seen);
    if (seen.size >= MAX_ENTRIES)
      throw new ModelError('BUNDLE_ARCHIVE_TOO_LARGE', `The archive has more than ${MAX_ENTRIES} files`);
    if (position + BLOCK_BYTES + entry.sizeBytes > sizeBytes)
      throw new ModelError('BUNDLE_ARCHIVE_INVALID', `The archive ends within ${entry.path}`);
    await extract(archive, entry, position + BLOCK_BYTES, folder);
    seen.add(entry.path);
    position += BLOCK_BYTES + entry.sizeBytes + paddingOf(entry.sizeBytes);
  }
};

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/**
 * Unpacks an archive into `folder`, which it replaces as a whole: files and folder are synced before the rename, so a
 * power cut leaves the old one or the new one. Returns the paths in the order of the archive. Nothing is verified:
 * `readBundle` does that. Throws BUNDLE_ARCHIVE_INVALID, BUNDLE_ARCHIVE_UNSAFE, BUNDLE_ARCHIVE_TOO_LARGE.
 */
export const unpackBundle = async (file: string, folder: string): Promise<string[]> => {
  const target = resolve(folder);
  const staging = `${target}.partial`;
  const archive = await open(file, 'r');
  try {
    const { size } = await archive.stat();
    if (size > MAX_ARCHIVE_BYTES)
      throw new ModelError(
        'BUNDLE_ARCHIVE_TOO_LARGE',
        `${file} has ${size} bytes, at most ${MAX_ARCHIVE_BYTES} are taken`,
      );
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true });
    const paths = await extractAll(archive, size, staging);
    await syncFolder(staging);
    await rm(target, { recursive: true, force: true });
    await rename(staging, target);
    await syncFolder(dirname(target));
    return paths;
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  } finally {
    await archive.close();
  }
};
