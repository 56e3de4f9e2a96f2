/** An answer as one string, byte for byte as Node's HTTP server would send it. */
import { STATUS_CODES } from 'node:http';
import { EDGE_HEADERS } from '../http-edge.ts';
import type { PlainAnswer } from './plain-exchange.ts';

const EDGE_LINES = Object.entries(EDGE_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

const statusLine = (status: number): string =>
  `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n${EDGE_LINES}`;
const OK = statusLine(200);

/** A character for each byte. */
const latin1 = (body: Uint8Array | string): string => {
  if (typeof body !== 'string') return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  // ASCII, as nearly all JSON is, has as many bytes as characters.
  return Buffer.byteLength(body) === body.length ? body : Buffer.from(body, 'utf8').toString('latin1');
};

export class AnswerText {
  readonly #keepAlive: string;
  #date = '';
  #second = -1;

  /** Milliseconds; 0 for a server that lets connections stay open for ever. */
  constructor(keepAliveTimeoutMs: number) {
    const seconds = Math.floor(keepAliveTimeoutMs / 1_000);
    this.#keepAlive = `Connection: keep-alive\r\n${keepAliveTimeoutMs > 0 ? `Keep-Alive: timeout=${seconds}\r\n` : ''}\r\n`;
  }

  /** To be written as latin1. `isLast`: the connection ends with it. */
  of({ status, headers, body }: PlainAnswer, isLast: boolean): string {
    const bytes = latin1(body);
    let head = status === 200 ? OK : statusLine(status);
    for (const name of Object.keys(headers)) head += `${name}: ${headers[name]}\r\n`;
    const end = isLast ? 'Connection: close\r\n\r\n' : this.#keepAlive;
    return `${head}content-length: ${bytes.length}\r\nDate: ${this.#now()}\r\n${end}${bytes}`;
  }

  /** RFC 9110 6.6.1: of this second. */
  #now(): string {
    const now = Date.now();
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = new Date(now).toUTCString();
    }
    return this.#date;
  }
}
