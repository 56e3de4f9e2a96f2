/** Bundles, deltas and metadata over the connection of the device itself, in pieces: for sites where only the port of MQTT is open. */
import {
  decodeBlobReply,
  decodeFrame,
  encodeFrame,
  isInferFrame,
  replySchema,
  topics,
  type DownTopic,
} from '@shoal/protocol/wire';
import { AgentError, sentenceOf } from '../errors.ts';
import { randomId, type Clock } from '../runtime.ts';
import type { FleetConnection, LinkParticipant } from '../uplink/fleet-link.port.ts';
import { FIRST_PIECE_BYTES, nextPieceBytes } from './blob-pieces.ts';
import type { BlobSource, FileSource } from './blob-source.port.ts';
import { checkPace, PATIENCE, type Patience } from './patience.ts';

export interface MqttBlobsOptions {
  readonly deviceId: string;
  readonly clock: Clock;
  /** Rejects when `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** No more is asked for in a second, whatever an assignment allows. */
  readonly mostBytesPerS: number;
  readonly patience?: Patience;
}

interface Piece {
  readonly offset: number;
  readonly totalBytes: number;
  readonly bytes: Uint8Array;
}

interface Waiting {
  readonly path: string;
  readonly resolve: (piece: Piece | undefined) => void;
  readonly reject: (error: AgentError) => void;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Asked for and not there yet: the next one travels while one is worked on. */
const IN_FLIGHT = 2;
const ABSENT: ReadonlySet<string> = new Set(['ARTIFACT_NOT_FOUND', 'TUF_FILE_NOT_FOUND']);

export class MqttBlobs implements BlobSource, FileSource, LinkParticipant {
  readonly #options: MqttBlobsOptions;
  readonly #patience: Patience;
  readonly #waiting = new Map<string, Waiting>();
  #connection: FleetConnection | undefined;
  #pieceBytes = FIRST_PIECE_BYTES;
  #freeAt = 0;

  constructor(options: MqttBlobsOptions) {
    this.#options = options;
    this.#patience = options.patience ?? PATIENCE;
  }

  online(connection: FleetConnection): void {
    this.#connection = connection;
  }

  offline(): void {
    this.#connection = undefined;
    for (const requestId of this.#waiting.keys()) this.#fail(requestId, 'the connection ended before it came');
  }

  message(topic: DownTopic, payload: Uint8Array): void {
    if (topic.what !== 'reply' || !this.#waiting.has(topic.requestId)) return;
    try {
      if (!isInferFrame(payload)) return this.#refused(topic.requestId, payload);
      const piece = decodeBlobReply(payload);
      // What is kept of a message keeps the whole of it.
      this.#take(topic.requestId)?.resolve({ ...piece, bytes: Uint8Array.from(piece.bytes) });
    } catch (error) {
      this.#fail(topic.requestId, `the answer could not be read: ${sentenceOf(error)}`);
    }
  }

  async *range(sha256: string, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const path = `/blobs/sha256/${sha256}`;
    const first = await this.#ask(path, { start, end }, signal);
    if (first === undefined) throw absent(path);
    yield* this.#rest(path, first, Math.min(end, first.totalBytes), signal);
  }

  async delta(
    sha256: string,
    base: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = `/blobs/sha256/${sha256}/delta/${base}`;
    const first = await this.#ask(path, { start: 0, end: maxBytes }, signal);
    return first && this.#rest(path, first, Math.min(maxBytes, first.totalBytes), signal);
  }

  async file(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const first = await this.#ask(path, { start: 0, end: maxBytes + 1 }, signal);
    if (first === undefined) return undefined;
    if (first.totalBytes > maxBytes)
      throw new AgentError('UPDATE_OFFLINE', `${path} has ${first.totalBytes} bytes, which is too many.`);
    const parts: Uint8Array[] = [];
    for await (const part of this.#rest(path, first, first.totalBytes, signal)) parts.push(part);
    const bytes = Buffer.concat(parts);
    if (bytes.byteLength === first.totalBytes) return bytes;
    throw new AgentError('UPDATE_OFFLINE', `${path} was cut off after ${bytes.byteLength} bytes.`);
  }

  /**
   * What was asked for and is not wanted any more is let go.
   * @yields `first`, and what follows it up to `end`
   */
  async *#rest(path: string, first: Piece, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { clock } = this.#options;
    const begunAt = clock.monotonic();
    const left = new AbortController();
    const both = AbortSignal.any([signal, left.signal]);
    const asked: Promise<Piece | undefined>[] = [];
    let [next, done] = [first.offset + first.bytes.byteLength, 0];
    try {
      for (let piece: Piece | undefined = first; piece !== undefined && piece.bytes.byteLength > 0;) {
        while (asked.length < IN_FLIGHT && next < end) {
          const span = { start: next, end: Math.min(end, next + this.#pieceBytes) };
          next = span.end;
          asked.push(this.#askWhole(path, span, both));
        }
        done += piece.bytes.byteLength;
        yield piece.bytes;
        checkPace(this.#patience, path, done, clock.monotonic() - begunAt);
        piece = await asked.shift();
      }
    } finally {
      left.abort();
      await Promise.allSettled(asked);
    }
  }

  /** Nothing between two pieces may be missing. */
  async #askWhole(path: string, span: Span, signal: AbortSignal): Promise<Piece> {
    const piece = await this.#ask(path, span, signal);
    if (piece?.bytes.byteLength === span.end - span.start) return piece;
    throw new AgentError('UPDATE_OFFLINE', `${path} ends earlier than it did.`);
  }

  /** At most a piece of the span; undefined where the fleet server has no such thing. Throws UPDATE_OFFLINE. */
  async #ask(path: string, { start, end }: Span, signal: AbortSignal): Promise<Piece | undefined> {
    const { clock } = this.#options;
    const length = Math.min(end - start, this.#pieceBytes);
    await this.#turn(length, signal);
    const sentAt = clock.monotonic();
    const piece = await this.#exchange(path, { offset: start, length }, signal);
    if (piece === undefined) return undefined;
    if (piece.bytes.byteLength > length || (piece.offset !== start && piece.bytes.byteLength > 0))
      throw new AgentError('UPDATE_OFFLINE', `${path} was answered with other bytes than were asked for.`);
    if (length === this.#pieceBytes) this.#pieceBytes = nextPieceBytes(length, clock.monotonic() - sentAt);
    return piece;
  }

  /** One after the other, no faster than this device may ask. */
  async #turn(bytes: number, signal: AbortSignal): Promise<void> {
    const { clock, pause, mostBytesPerS } = this.#options;
    signal.throwIfAborted();
    const now = clock.monotonic();
    const waitMs = Math.max(0, this.#freeAt - now);
    this.#freeAt = now + waitMs + (bytes / mostBytesPerS) * 1_000;
    if (waitMs > 0) await pause(waitMs, signal);
  }

  async #exchange(
    path: string,
    piece: { readonly offset: number; readonly length: number },
    signal: AbortSignal,
  ): Promise<Piece | undefined> {
    const connection = this.#connection;
    if (connection === undefined) throw new AgentError('UPDATE_OFFLINE', `${path} cannot be fetched: no connection.`);
    const { silenceMs } = this.#patience;
    const requestId = `b-${randomId()}`;
    const { promise, resolve, reject } = Promise.withResolvers<Piece | undefined>();
    this.#waiting.set(requestId, { path, resolve, reject });
    const timer = setTimeout(() => this.#fail(requestId, `nothing came for ${silenceMs / 1_000} s`), silenceMs);
    const letGo = (): void => this.#fail(requestId, 'it is not wanted any more');
    signal.addEventListener('abort', letGo, { once: true });
    try {
      const body = { path, ...piece };
      const frame = encodeFrame({ v: 1, requestId, deadlineMs: silenceMs, body });
      connection.publish(topics.request(this.#options.deviceId, 'blob'), frame).catch((error: unknown) => {
        this.#fail(requestId, sentenceOf(error));
      });
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', letGo);
    }
  }

  #refused(requestId: string, payload: Uint8Array): void {
    const { outcome, error } = replySchema.parse(decodeFrame(payload));
    if (error !== undefined && ABSENT.has(error.code)) this.#take(requestId)?.resolve(undefined);
    else this.#fail(requestId, `the fleet server answered ${error?.code ?? outcome}`);
  }

  #fail(requestId: string, why: string): void {
    const waiting = this.#take(requestId);
    waiting?.reject(new AgentError('UPDATE_OFFLINE', `${waiting.path} cannot be fetched: ${why}.`));
  }

  #take(requestId: string): Waiting | undefined {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    return waiting;
  }
}

const absent = (path: string): AgentError => new AgentError('UPDATE_OFFLINE', `${path} is not at the fleet server.`);
