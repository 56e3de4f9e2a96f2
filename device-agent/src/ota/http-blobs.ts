/** Packed bundles and deltas from the fleet server over HTTP (RFC 9110): ranges, bounded in bytes, and in how long nothing may come. */
import { get, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { AgentError, sentenceOf } from '../errors.ts';
import type { BlobSource, FileSource } from './blob-source.port.ts';
import { checkPace, PATIENCE, type Patience } from './patience.ts';

const OK = 200;
const PARTIAL = 206;
const NOT_FOUND = 404;

interface Ask {
  readonly url: string;
  readonly headers?: Record<string, string>;
  readonly patience: Patience;
}

const request = ({ url, headers = {}, patience }: Ask, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const open = url.startsWith('https:') ? getSecure : get;
    const asked = open(url, { headers, signal, timeout: patience.silenceMs }, resolve);
    asked.on('timeout', () => asked.destroy(new Error(`nothing came for ${patience.silenceMs / 1_000} s`)));
    asked.on('error', reject);
  });

const answerOf = async (ask: Ask, signal: AbortSignal): Promise<IncomingMessage> => {
  try {
    return await request(ask, signal);
  } catch (cause) {
    throw new AgentError('UPDATE_OFFLINE', `${ask.url} cannot be fetched: ${sentenceOf(cause)}`, { cause });
  }
};

/**
 * @yields at most `length` bytes; the connection is let go with the last of them
 */
async function* bounded(answer: IncomingMessage, length: number, { url, patience }: Ask): AsyncGenerator<Uint8Array> {
  const begunAt = performance.now();
  let left = length;
  try {
    for await (const part of answer) {
      const bytes = (part as Buffer).subarray(0, left);
      left -= bytes.byteLength;
      if (bytes.byteLength > 0) yield bytes;
      if (left === 0) return;
      checkPace(patience, url, length - left, performance.now() - begunAt);
    }
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw new AgentError('UPDATE_OFFLINE', `${url} was cut off: ${sentenceOf(cause)}`, { cause });
  } finally {
    answer.destroy();
  }
}

export class HttpBlobs implements BlobSource, FileSource {
  readonly #url: string;
  readonly #patience: Patience;

  /** `url` of the fleet server, without a slash at its end. */
  constructor(url: string, patience: Patience = PATIENCE) {
    this.#url = url;
    this.#patience = patience;
  }

  async *range(sha256: string, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const url = `${this.#url}/blobs/sha256/${sha256}`;
    const headers = { range: `bytes=${start}-${end - 1}`, 'if-range': `"${sha256}"` };
    const ask = { url, headers, patience: this.#patience };
    const answer = await answerOf(ask, signal);
    const isWhole = answer.statusCode === OK && start === 0;
    if (answer.statusCode === PARTIAL || isWhole) return yield* bounded(answer, end - start, ask);
    answer.destroy();
    throw new AgentError('UPDATE_OFFLINE', `${url} answers ${answer.statusCode} to a range.`);
  }

  async delta(
    sha256: string,
    base: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const url = `${this.#url}/blobs/sha256/${sha256}/delta/${base}`;
    const ask = { url, patience: this.#patience };
    const answer = await answerOf(ask, signal);
    if (answer.statusCode === OK) return bounded(answer, maxBytes, ask);
    answer.destroy();
    if (answer.statusCode === NOT_FOUND) return undefined;
    throw new AgentError('UPDATE_OFFLINE', `${url} answers ${answer.statusCode}.`);
  }

  async file(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const ask = { url: `${this.#url}${path}`, patience: this.#patience };
    const answer = await answerOf(ask, signal);
    const parts: Uint8Array[] = [];
    if (answer.statusCode === OK) for await (const part of bounded(answer, maxBytes + 1, ask)) parts.push(part);
    answer.destroy();
    const bytes = Buffer.concat(parts);
    if (answer.statusCode === NOT_FOUND) return undefined;
    if (answer.statusCode === OK && bytes.byteLength <= maxBytes) return bytes;
    throw new AgentError('UPDATE_OFFLINE', `${ask.url} answers ${answer.statusCode} with ${bytes.byteLength} bytes.`);
  }
}
