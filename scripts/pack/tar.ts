/** Archives with the same bytes for the same content: ustar (POSIX.1-1988) with neither times nor owners; and one file out of an archive. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';

export interface ArchiveEntry {
  /** Relative, with slashes. */
  readonly path: string;
  readonly isExecutable: boolean;
  /** Read when its turn comes. */
  readonly read: () => Uint8Array;
}

const BLOCK = 512;

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

/** A name longer than 100 bytes is split at a slash: prefix of up to 155, name of up to 100. */
const splitName = (path: string): readonly [name: string, prefix: string] => {
  if (Buffer.byteLength(path) <= 100) return [path, ''];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return [name, prefix];
  }
  throw new Error(`${path} is too long for an archive.`);
};

const header = (path: string, sizeBytes: number, mode: number): Buffer => {
  const [name, prefix] = splitName(path);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(sizeBytes, 12) + octal(0, 12), 100);
  block.write('        0', 148);
  block.write('ustar\u000000', 257);
  block.write(prefix, 345);
  block.write(
    octal(
      block.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
  );
  return block;
};

function* blocks(entries: readonly ArchiveEntry[]): Generator<Uint8Array> {
  for (const { path, isExecutable, read } of entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const content = read();
    yield header(path, content.byteLength, isExecutable ? 0o755 : 0o644);
    yield content;
    yield Buffer.alloc((BLOCK - (content.byteLength % BLOCK)) % BLOCK);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Sorted by path, compressed. */
export const writeArchive = async (file: string, entries: readonly ArchiveEntry[], level: number): Promise<void> => {
  await pipeline(Readable.from(blocks(entries), { objectMode: true }), createGzip({ level }), createWriteStream(file));
};

const text = (block: Buffer, from: number, length: number): string =>
  block.toString('utf8', from, from + length).replace(/\0.*$/s, '');

/** The files of a compressed archive that are asked for. */
export const readFromArchive = (archive: Uint8Array, paths: readonly string[]): ReadonlyMap<string, Buffer> => {
  const bytes = gunzipSync(archive);
  const found = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK <= bytes.length;) {
    const block = bytes.subarray(at, at + BLOCK);
    const path = [text(block, 345, 155), text(block, 0, 100)].filter((part) => part !== '').join('/');
    const sizeBytes = Number.parseInt(text(block, 124, 12), 8) || 0;
    if (paths.includes(path)) found.set(path, bytes.subarray(at + BLOCK, at + BLOCK + sizeBytes));
    at += BLOCK + Math.ceil(sizeBytes / BLOCK) * BLOCK;
  }
  return found;
};
