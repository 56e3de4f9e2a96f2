/** Fetches a packed bundle: goes on where a part of it ends, checks each chunk against its signed hash, tries a delta from what is installed first. */
import { applyDelta, checkChunk, CHUNK_BYTES, chunkRange } from '@shoal/models/trust';
import type { AssignedModel } from '@shoal/protocol/wire';
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
  const { source, assigned } = options;
  const chunks = new ChunkFiller(options);
  await chunks.begin(from);
  try {
    const bytes = source.range(assigned.sha256, from, assigned.lengthBytes, signal);
    for await (const part of new Pace(options).slow(bytes, signal)) await chunks.take(part);
  } finally {
    await chunks.keepRest();
  }
  if (!chunks.isWhole)
    throw new AgentError('UPDATE_OFFLINE', `The bundle was cut off after ${chunks.doneBytes} bytes.`);
};

/** Fills one chunk after the other and writes each that is sound. */
class ChunkFiller {
  readonly #options: DownloadOptions;
  #index = 0;
  #chunk: Buffer = Buffer.alloc(0);
  #held = 0;

  constructor(options: DownloadOptions) {
    this.#options = options;
  }

  get isWhole(): boolean {
    return this.#index === this.#options.chunks.length;
  }

  get doneBytes(): number {
    return this.#start + this.#held;
  }

  /** With what an earlier attempt left of the chunk. */
  async begin(from: number): Promise<void> {
    const { store, assigned } = this.#options;
    this.#open(Math.floor(from / CHUNK_BYTES));
    this.#held = from - this.#start;
    if (this.#held > 0) this.#chunk.set(await store.readPart(assigned.sha256, this.#start, this.#held));
  }

  /** Throws UPDATE_CHUNK_INVALID, and then nothing of that chunk is left. */
  async take(part: Uint8Array): Promise<void> {
    for (let taken = 0; taken < part.byteLength;) {
      if (this.isWhole) throw new AgentError('UPDATE_CHUNK_INVALID', 'The source gives more bytes than were signed.');
      const piece = part.subarray(taken, taken + this.#chunk.byteLength - this.#held);
      this.#chunk.set(piece, this.#held);
      this.#held += piece.byteLength;
      taken += piece.byteLength;
      if (this.#held === this.#chunk.byteLength) await this.#keep();
    }
  }

  /** What a disk refuses that fails is of no use either. */
  async keepRest(): Promise<void> {
    const { store, assigned } = this.#options;
    if (this.#held === 0) return;
    const rest = this.#chunk.subarray(0, this.#held);
    await store.writePart(assigned.sha256, this.#start, rest).catch(() => undefined);
  }

  get #start(): number {
    return this.#index * CHUNK_BYTES;
  }

  #open(index: number): void {
    const { start, end } = chunkRange(index, this.#options.assigned.lengthBytes);
    this.#index = index;
    this.#chunk = Buffer.alloc(Math.max(0, end - start));
    this.#held = 0;
  }

  async #keep(): Promise<void> {
    const { store, assigned, chunks, onProgress } = this.#options;
    const [index, start, chunk] = [this.#index, this.#start, this.#chunk];
    this.#held = 0;
    if (!isSound(chunks, index, chunk)) {
      await store.cutPart(assigned.sha256, start);
      throw new AgentError('UPDATE_CHUNK_INVALID', `Chunk ${index} of ${chunks.length} is not what was signed.`);
    }
    await store.writePart(assigned.sha256, start, chunk);
    onProgress(start + chunk.byteLength);
    this.#open(index + 1);
  }
}

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
