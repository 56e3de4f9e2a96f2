/** Fetches a packed bundle: goes on where a part of it ends, checks each chunk against its signed hash, tries a delta from what is installed first. */
import { applyDelta, checkChunk, CHUNK_BYTES, chunkRange } from '@shoal/models/trust';
import type { AssignedModel } from '@shoal/protocol';
import { AgentError } from '../errors.ts';
import type { BlobSource } from './blob-source.port.ts';
import type { BlobStore } from './blob-store.ts';
import { systemCodeOf } from './update-fault.ts';

export interface DownloadOptions {
  readonly store: BlobStore;
  readonly source: BlobSource;
  readonly assigned: Pick<AssignedModel, 'sha256' | 'lengthBytes' | 'downloadBytesPerS'>;
  readonly chunks: readonly string[];
  /** Packed bundles that are here, the most alike first. */
  readonly bases: readonly string[];
  readonly onProgress: (doneBytes: number) => void;
  /** Rejects when `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly monotonic: () => number;
}

/** Beside the packed bundle: unpacked it is as large again, and something is left for everything else. */
const RESERVE_BYTES = 16 * 1_048_576;

/**
 * The bytes on disk are their own record of how far it is: a restart hashes the chunks that are there, and goes on behind the last
 * byte. Resolves when the blob is whole and durable. Throws UPDATE_OFFLINE, UPDATE_TOO_SLOW, UPDATE_NO_SPACE, UPDATE_CHUNK_INVALID,
 * and what the disk throws.
 */
export const download = async (options: DownloadOptions, signal: AbortSignal): Promise<void> => {
  const { store, assigned } = options;
  const { sha256, lengthBytes } = assigned;
  await store.makeFolders();
  if (await store.hasBlob(sha256, lengthBytes)) return;
  let done = await soundBytes(options, signal);
  await checkSpace(options, done);
  if (done === 0) done = await fromDelta(options, signal);
  if (done < lengthBytes) await fetchRest(options, done, signal);
  await store.finish(sha256);
};

/** Bytes of the part that may be built on: chunks that are what they should be, and the beginning of the next one. */
const soundBytes = async ({ store, assigned, chunks }: DownloadOptions, signal: AbortSignal): Promise<number> => {
  const { sha256, lengthBytes } = assigned;
  const held = await store.partBytes(sha256);
  for (let index = 0; index < chunks.length; index += 1) {
    signal.throwIfAborted();
    const { start, end } = chunkRange(index, lengthBytes);
    if (end > held) return held;
    if (isSound(chunks, index, await store.readPart(sha256, start, end - start))) continue;
    await store.cutPart(sha256, start);
    return start;
  }
  await store.cutPart(sha256, lengthBytes);
  return lengthBytes;
};

const isSound = (chunks: readonly string[], index: number, bytes: Uint8Array): boolean => {
  try {
    checkChunk(chunks, index, bytes);
    return true;
  } catch {
    return false;
  }
};

const checkSpace = async ({ store, assigned }: DownloadOptions, done: number): Promise<void> => {
  const needed = assigned.lengthBytes - done + assigned.lengthBytes + RESERVE_BYTES;
  const free = await store.freeBytes();
  if (free < needed)
    throw new AgentError('UPDATE_NO_SPACE', `${needed} bytes are needed for the update and ${free} are free.`);
};

/** How many bytes came of it; a delta that is none, or stops, costs nothing but itself. */
const fromDelta = async (options: DownloadOptions, signal: AbortSignal): Promise<number> => {
  const { store, source, assigned, bases, chunks, onProgress } = options;
  const { sha256, lengthBytes } = assigned;
  let done = 0;
  for (const base of bases) {
    const bytes = await store.source(base);
    if (bytes === undefined || done > 0) continue;
    try {
      const delta = await source.delta(sha256, base, lengthBytes, signal);
      if (delta === undefined) continue;
      const pace = new Pace(options);
      const take = async (index: number, chunk: Uint8Array): Promise<void> => {
        checkChunk(chunks, index, chunk);
        await store.writePart(sha256, chunkRange(index, lengthBytes).start, chunk);
        done = chunkRange(index, lengthBytes).end;
        onProgress(done);
      };
      await applyDelta(bytes, pace.slow(delta, signal), take, lengthBytes);
    } catch (error) {
      signal.throwIfAborted();
      // A disk that fails fails for the whole file as well.
      if (systemCodeOf(error) !== undefined) throw error;
    }
  }
  return done;
};

/** One request for all of the rest; a chunk that is cut off is kept as far as it came. */
const fetchRest = async (options: DownloadOptions, from: number, signal: AbortSignal): Promise<void> => {
  const { store, source, assigned, chunks, onProgress } = options;
  const { sha256, lengthBytes } = assigned;
  let chunk = await openChunk(options, from);
  const bytes = source.range(sha256, from, lengthBytes, signal);
  try {
    for await (const part of new Pace(options).slow(bytes, signal)) {
      for (let taken = 0; taken < part.byteLength;) {
        if (chunk.held === chunk.bytes.byteLength)
          throw new AgentError('UPDATE_CHUNK_INVALID', 'The source gives more bytes than were signed.');
        const piece = part.subarray(taken, taken + chunk.bytes.byteLength - chunk.held);
        chunk.bytes.set(piece, chunk.held);
        chunk.held += piece.byteLength;
        taken += piece.byteLength;
        if (chunk.held < chunk.bytes.byteLength) continue;
        await keepChunk(options, chunk);
        onProgress(chunkRange(chunk.index, lengthBytes).end);
        if (chunk.index + 1 < chunks.length) chunk = emptyChunk(chunk.index + 1, lengthBytes);
      }
    }
  } finally {
    // Of no use is only what a disk that fails refuses as well.
    if (chunk.held < chunk.bytes.byteLength && chunk.held > 0)
      await store.writePart(sha256, chunk.start, chunk.bytes.subarray(0, chunk.held)).catch(() => undefined);
  }
  if (chunk.index < chunks.length - 1 || chunk.held < chunk.bytes.byteLength)
    throw new AgentError('UPDATE_OFFLINE', `The bundle was cut off after ${chunk.start + chunk.held} bytes.`);
};

interface OpenChunk {
  readonly index: number;
  readonly start: number;
  readonly bytes: Buffer;
  held: number;
}

const emptyChunk = (index: number, lengthBytes: number): OpenChunk => {
  const { start, end } = chunkRange(index, lengthBytes);
  return { index, start, bytes: Buffer.alloc(end - start), held: 0 };
};

/** With what an earlier attempt left of it. */
const openChunk = async ({ store, assigned }: DownloadOptions, from: number): Promise<OpenChunk> => {
  const chunk = emptyChunk(Math.floor(from / CHUNK_BYTES), assigned.lengthBytes);
  chunk.held = from - chunk.start;
  if (chunk.held > 0) chunk.bytes.set(await store.readPart(assigned.sha256, chunk.start, chunk.held));
  return chunk;
};

/** Throws UPDATE_CHUNK_INVALID, and then nothing of it is left. */
const keepChunk = async (
  { store, assigned, chunks }: DownloadOptions,
  { index, start, bytes }: OpenChunk,
): Promise<void> => {
  if (isSound(chunks, index, bytes)) return store.writePart(assigned.sha256, start, bytes);
  await store.cutPart(assigned.sha256, start);
  throw new AgentError('UPDATE_CHUNK_INVALID', `Chunk ${index} of ${chunks.length} is not what was signed.`);
};

/** Lets no more bytes a second through than the assignment allows. */
class Pace {
  readonly #options: DownloadOptions;
  #freeAt: number;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#freeAt = options.monotonic();
  }

  async *slow(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { assigned, monotonic, pause } = this.#options;
    const { downloadBytesPerS } = assigned;
    for await (const part of source) {
      yield part;
      if (downloadBytesPerS === undefined) continue;
      const now = monotonic();
      this.#freeAt = Math.max(this.#freeAt, now) + (part.byteLength / downloadBytesPerS) * 1_000;
      if (this.#freeAt > now) await pause(this.#freeAt - now, signal);
    }
  }
}
