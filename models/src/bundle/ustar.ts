/** Headers of a ustar archive (POSIX.1-1988) with nothing in them but path and size: no owner, no time, no link. */
import { ModelError } from '../errors.ts';

export const BLOCK_BYTES = 512;

export interface ArchiveEntry {
  readonly path: string;
  readonly sizeBytes: number;
}

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** Zero bytes after a file, so that the next header begins on a block. */
export const paddingOf = (sizeBytes: number): number => (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');

/** Bundle paths are ASCII: their length in characters is that in bytes. */
const splitPath = (path: string): { readonly prefix: string; readonly name: string } => {
  if (path.length <= NAME_BYTES) return { prefix: '', name: path };
  const cut = path.indexOf('/', path.length - NAME_BYTES - 1);
  if (cut < 1 || cut > PREFIX_BYTES)
    throw new ModelError('BUNDLE_ARCHIVE_INVALID', `${path} does not fit into an archive; shorten its last segments`);
  return { prefix: path.slice(0, cut), name: path.slice(cut + 1) };
};

/** The checksum counts its own eight bytes as spaces. */
const checksumOf = (header: Uint8Array): number =>
  header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0);

export const headerOf = ({ path, sizeBytes }: ArchiveEntry): Uint8Array => {
  const { prefix, name } = splitPath(path);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0, 'latin1');
  header.write(`${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, 'latin1');
  header.write(`${octal(sizeBytes, 11)}\0${octal(0, 11)}\0`, 124, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  header.write(prefix, 345, 'latin1');
  header.write(`${octal(checksumOf(header), 6)}\0 `, 148, 'latin1');
  return header;
};

const text = (header: Buffer, start: number, length: number): string => {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString('latin1');
};

const number = (header: Buffer, start: number, length: number): number => {
  const digits = text(header, start, length).trim();
  return /^[0-7]{1,11}$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
};

/** Null for the block of zeros that ends an archive. Throws BUNDLE_ARCHIVE_INVALID, BUNDLE_ARCHIVE_UNSAFE. */
export const readHeader = (header: Buffer): ArchiveEntry | null => {
  if (header.every((byte) => byte === 0)) return null;
  if (text(header, 257, 5) !== 'ustar' || number(header, 148, 8) !== checksumOf(header))
    throw new ModelError('BUNDLE_ARCHIVE_INVALID', 'The file is no ustar archive, or a header of it is damaged');
  const prefix = text(header, 345, PREFIX_BYTES);
  const path = `${prefix === '' ? '' : `${prefix}/`}${text(header, 0, NAME_BYTES)}`;
  const type = text(header, 156, 1);
  if (type !== '0' && type !== '')
    throw new ModelError('BUNDLE_ARCHIVE_UNSAFE', `${JSON.stringify(path)} in the archive is not a regular file`);
  const sizeBytes = number(header, 124, 12);
  if (Number.isNaN(sizeBytes)) throw new ModelError('BUNDLE_ARCHIVE_INVALID', `${path} in the archive has no size`);
  return { path, sizeBytes };
};
