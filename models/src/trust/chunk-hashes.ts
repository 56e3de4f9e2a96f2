/** Hashes of the chunks of a file, so that a cut or corrupted transfer fetches one chunk again and not the file. */
import { createHash } from 'node:crypto';
import { ModelError } from '../errors.ts';

/** The one chunk size: 1 MiB. */
export const CHUNK_BYTES = 1_048_576;

export interface HashedContent {
  /** Hex, of the whole. */
  readonly sha256: string;
  readonly lengthBytes: number;
  /** Hex, of each chunk in order; the last chunk is shorter. */
  readonly chunks: readonly string[];
}

const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Reads a stream of any slicing once; keeps no bytes of it. */
export const hashContent = async (content: AsyncIterable<Uint8Array>): Promise<HashedContent> => {
  const whole = createHash('sha256');
  const chunks: string[] = [];
  let chunk = createHash('sha256');
  let filled = 0;
  let lengthBytes = 0;
  for await (const bytes of content) {
    whole.update(bytes);
    lengthBytes += bytes.byteLength;
    for (let offset = 0; offset < bytes.byteLength;) {
      const part = bytes.subarray(offset, offset + CHUNK_BYTES - filled);
      chunk.update(part);
      filled += part.byteLength;
      offset += part.byteLength;
      if (filled < CHUNK_BYTES) continue;
      chunks.push(chunk.digest('hex'));
      chunk = createHash('sha256');
      filled = 0;
    }
  }
  if (filled > 0) chunks.push(chunk.digest('hex'));
  return { sha256: whole.digest('hex'), lengthBytes, chunks };
};

export interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export const chunkRange = (index: number, lengthBytes: number): ByteRange => ({
  start: index * CHUNK_BYTES,
  end: Math.min((index + 1) * CHUNK_BYTES, lengthBytes),
});

/** Throws CHUNK_MISMATCH, also for an index that the hashes do not have. */
export const checkChunk = (chunks: readonly string[], index: number, bytes: Uint8Array): void => {
  if (hex(bytes) === chunks[index]) return;
  throw new ModelError('CHUNK_MISMATCH', `Chunk ${index} of ${chunks.length} is not what the signed hashes say`);
};
