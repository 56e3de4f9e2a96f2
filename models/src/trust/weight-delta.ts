/**
 * A delta between two files of weights: XOR with the base, bytes of one significance gathered into planes, zstd.
 * A fine-tune changes low bits of most weights, so that the high planes of the XOR are nearly all zeros. Made and
 * applied chunk by chunk; who applies one verifies each chunk against the signed hashes.
 *
 * Layout, little endian: "SHD1", u32 chunk size, u64 length of the base, u64 length of the target, then for each chunk
 * of the target u8 word size (0: not against the base), u32 compressed length, the compressed bytes.
 */
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { ModelError } from '../errors.ts';
import { CHUNK_BYTES, chunkRange } from './chunk-hashes.ts';
import { gatherPlanes, scatterPlanes, xorInto } from './byte-planes.ts';

/** Random access to a file or to memory. */
export interface ByteSource {
  readonly lengthBytes: number;
  /** Fewer bytes than asked only at the end. The caller owns the bytes. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export const memorySource = (bytes: Uint8Array): ByteSource => ({
  lengthBytes: bytes.byteLength,
  read: (offset, length) => Promise.resolve(Uint8Array.from(bytes.subarray(offset, offset + length))),
});

const MAGIC = 'SHD1';
const HEADER_BYTES = 24;
const CHUNK_HEADER_BYTES = 5;
/** 0 is the chunk itself; else XOR with the base, in planes of so many: bytes, halves, floats. */
const WORD_SIZES = [0, 1, 2, 4] as const;
/** Above this level zstd gains little on noise and costs the server much. */
const LEVEL = 9;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

interface CodedChunk {
  readonly wordBytes: number;
  readonly bytes: Uint8Array;
}

const codeChunk = async (target: Uint8Array, base: Uint8Array, wordBytes: number): Promise<CodedChunk> => {
  const plain = wordBytes === 0 ? target : gatherPlanes(xorInto(Uint8Array.from(target), base), wordBytes);
  const bytes = await compress(plain, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
  return { wordBytes, bytes };
};

const smallest = (chunks: readonly CodedChunk[]): CodedChunk =>
  chunks.reduce((best, chunk) => (chunk.bytes.byteLength < best.bytes.byteLength ? chunk : best));

/**
 * Memory is bounded by some chunks.
 * @yields the header, then header and content of each chunk
 */
export async function* makeDelta(base: ByteSource, target: ByteSource): AsyncGenerator<Uint8Array> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 0, 'latin1');
  header.writeUInt32LE(CHUNK_BYTES, 4);
  header.writeBigUInt64LE(BigInt(base.lengthBytes), 8);
  header.writeBigUInt64LE(BigInt(target.lengthBytes), 16);
  yield header;
  for (let offset = 0; offset < target.lengthBytes; offset += CHUNK_BYTES) {
    const [bytes, beside] = await Promise.all([target.read(offset, CHUNK_BYTES), base.read(offset, CHUNK_BYTES)]);
    const candidates: CodedChunk[] = [];
    for (const wordBytes of WORD_SIZES) candidates.push(await codeChunk(bytes, beside, wordBytes));
    const best = smallest(candidates);
    const head = Buffer.alloc(CHUNK_HEADER_BYTES);
    head.writeUInt8(best.wordBytes, 0);
    head.writeUInt32LE(best.bytes.byteLength, 1);
    yield head;
    yield best.bytes;
  }
}

/** Takes a stream apart into pieces of exactly the length asked for. */
class Pieces {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#rest.byteLength === 0) {
        const next = await this.#source.next();
        if (next.done === true) throw new ModelError('DELTA_MALFORMED', 'The delta is cut off');
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, missing);
      parts.push(part);
      missing -= part.byteLength;
      this.#rest = this.#rest.subarray(part.byteLength);
    }
    return Buffer.concat(parts, length);
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#rest.byteLength === 0) {
      const next = await this.#source.next();
      if (next.done === true) return true;
      this.#rest = next.value;
    }
    return false;
  }

  /** Lets the source go, whatever is left of it. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

const readHeader = async (pieces: Pieces, base: ByteSource): Promise<number> => {
  const header = await pieces.take(HEADER_BYTES);
  if (header.toString('latin1', 0, 4) !== MAGIC || header.readUInt32LE(4) !== CHUNK_BYTES)
    throw new ModelError('DELTA_MALFORMED', 'Not a delta of this kind');
  const baseLength = Number(header.readBigUInt64LE(8));
  if (baseLength !== base.lengthBytes)
    throw new ModelError(
      'DELTA_BASE_MISMATCH',
      `The delta is from a base of ${baseLength} bytes, not ${base.lengthBytes}`,
    );
  const lengthBytes = Number(header.readBigUInt64LE(16));
  if (!Number.isSafeInteger(lengthBytes)) throw new ModelError('DELTA_MALFORMED', 'A delta to a target without an end');
  return lengthBytes;
};

const expand = async (packed: Uint8Array, length: number): Promise<Uint8Array> => {
  const bytes = await decompress(packed, { maxOutputLength: length }).catch((cause: unknown) => {
    throw new ModelError('DELTA_MALFORMED', 'A chunk of the delta cannot be expanded', { cause });
  });
  if (bytes.byteLength !== length) throw new ModelError('DELTA_MALFORMED', 'A chunk of the delta has the wrong length');
  return bytes;
};

const readChunk = async (pieces: Pieces, base: ByteSource, offset: number, length: number): Promise<Uint8Array> => {
  const head = await pieces.take(CHUNK_HEADER_BYTES);
  const wordBytes = head.readUInt8(0);
  const packedLength = head.readUInt32LE(1);
  if (!WORD_SIZES.some((known) => known === wordBytes) || packedLength > 2 * CHUNK_BYTES)
    throw new ModelError('DELTA_MALFORMED', 'A chunk of the delta has an impossible header');
  const plain = await expand(await pieces.take(packedLength), length);
  if (wordBytes === 0) return plain;
  return xorInto(scatterPlanes(plain, wordBytes), await base.read(offset, length));
};

/**
 * Rebuilds the target: `onChunk` is given each chunk in order, none of them verified. Returns the length of the target.
 * A delta that claims more than `maxBytes` is refused before anything is read. Throws DELTA_MALFORMED,
 * DELTA_BASE_MISMATCH and whatever `onChunk` throws.
 */
export const applyDelta = async (
  base: ByteSource,
  delta: AsyncIterable<Uint8Array>,
  onChunk: (index: number, bytes: Uint8Array) => Promise<void> | void,
  maxBytes = Number.MAX_SAFE_INTEGER,
): Promise<number> => {
  const pieces = new Pieces(delta);
  try {
    const lengthBytes = await readHeader(pieces, base);
    if (lengthBytes > maxBytes)
      throw new ModelError(
        'DELTA_MALFORMED',
        `The delta claims ${lengthBytes} bytes, at most ${maxBytes} are expected`,
      );
    for (let index = 0; index * CHUNK_BYTES < lengthBytes; index++) {
      const { start, end } = chunkRange(index, lengthBytes);
      await onChunk(index, await readChunk(pieces, base, start, end - start));
    }
    if (!(await pieces.isAtEnd())) throw new ModelError('DELTA_MALFORMED', 'The delta goes on after its end');
    return lengthBytes;
  } finally {
    await pieces.close();
  }
};
