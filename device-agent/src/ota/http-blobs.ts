/** Packed bundles and deltas from the fleet server over HTTP (RFC 9110): ranges, bounded in bytes, and in how long nothing may come. */
import { get, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { AgentError, sentenceOf } from '../errors.ts';
import type { BlobSource } from './blob-source.port.ts';

const SILENCE_MS = 30_000;
/** A source that keeps a device waiting on purpose sends a little now and then (slow retrieval, TUF 1.5.2). */
const LEAST_BYTES_PER_S = 512;
const GRACE_MS = 30_000;

const OK = 200;
const PARTIAL = 206;
const NOT_FOUND = 404;

const request = (url: string, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const open = url.startsWith('https:') ? getSecure : get;
    const asked = open(url, { headers, signal, timeout: SILENCE_MS }, resolve);
    asked.on('timeout', () => asked.destroy(new Error(`nothing came for ${SILENCE_MS / 1_000} s`)));
    asked.on('error', reject);
  });

const answerOf = async (url: string, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> => {
  try {
    return await request(url, headers, signal);
  } catch (cause) {
    throw new AgentError('UPDATE_OFFLINE', `${url} cannot be fetched: ${sentenceOf(cause)}`, { cause });
  }
};

/** At most `length` bytes, and the connection is let go with the last of them. */
async function* bounded(answer: IncomingMessage, length: number, url: string): AsyncGenerator<Uint8Array> {
  const begunAt = performance.now();
  let left = length;
  try {
    for await (const part of answer) {
      const bytes = (part as Buffer).subarray(0, left);
      left -= bytes.byteLength;
      if (bytes.byteLength > 0) yield bytes;
      if (left === 0) return;
      const ms = performance.now() - begunAt;
      if (ms > GRACE_MS && ((length - left) / ms) * 1_000 < LEAST_BYTES_PER_S)
        throw new AgentError('UPDATE_TOO_SLOW', `${url} gives less than ${LEAST_BYTES_PER_S} bytes a second.`);
    }
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw new AgentError('UPDATE_OFFLINE', `${url} was cut off: ${sentenceOf(cause)}`, { cause });
  } finally {
    answer.destroy();
  }
}

/** A small file as a whole. Throws UPDATE_OFFLINE, also for one with more than `maxBytes`. */
export const fetchFile = async (url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> => {
  const answer = await answerOf(url, {}, signal);
  const parts: Uint8Array[] = [];
  if (answer.statusCode === OK) for await (const part of bounded(answer, maxBytes + 1, url)) parts.push(part);
  answer.destroy();
  const bytes = Buffer.concat(parts);
  if (answer.statusCode === OK && bytes.byteLength <= maxBytes) return bytes;
  throw new AgentError('UPDATE_OFFLINE', `${url} answers ${answer.statusCode} with ${bytes.byteLength} bytes.`);
};

export class HttpBlobs implements BlobSource {
  readonly #url: string;

  /** `url` of the fleet server, without a slash at its end. */
  constructor(url: string) {
    this.#url = url;
  }

  async *range(sha256: string, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const url = `${this.#url}/blobs/sha256/${sha256}`;
    const headers = { range: `bytes=${start}-${end - 1}`, 'if-range': `"${sha256}"` };
    const answer = await answerOf(url, headers, signal);
    const isWhole = answer.statusCode === OK && start === 0;
    if (answer.statusCode === PARTIAL || isWhole) return yield* bounded(answer, end - start, url);
    answer.destroy();
    throw new AgentError('UPDATE_OFFLINE', `${url} answers ${answer.statusCode} to a range.`);
  }

  async delta(sha256: string, base: string, maxBytes: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const url = `${this.#url}/blobs/sha256/${sha256}/delta/${base}`;
    const answer = await answerOf(url, {}, signal);
    if (answer.statusCode === OK) return bounded(answer, maxBytes, url);
    answer.destroy();
    if (answer.statusCode === NOT_FOUND) return undefined;
    throw new AgentError('UPDATE_OFFLINE', `${url} answers ${answer.statusCode}.`);
  }
}
