/** Readings and predictions as they come, for those who listen on this machine: a bounded memory and no backlog for the slow. */
import type { ServerResponse } from 'node:http';

export type FeedKind = 'readings' | 'predictions';

interface FeedEntry {
  /** Counts from 1 within one run of the agent, over both kinds. */
  readonly number: number;
  readonly body: object;
}

export interface RecordFeedOptions {
  /** Names this run, so that an id of an earlier one is not taken for one of this. */
  readonly run: string;
  /** Records of each kind that one who comes back can still have. */
  readonly remembered: number;
  /** Bytes that may wait for one listener before it is let go. */
  readonly maxPendingBytes: number;
  readonly maxListeners: number;
}

export interface FeedCounters {
  readonly listeners: number;
  /** Listeners let go because they did not read. */
  readonly slow: number;
  /** Listeners sent away because there were too many. */
  readonly refused: number;
}

const KEEPALIVE_MS = 15_000;
const EVENT_NAMES: Readonly<Record<FeedKind, string>> = { readings: 'reading', predictions: 'prediction' };

export class RecordFeed {
  readonly #options: RecordFeedOptions;
  readonly #rings: Readonly<Record<FeedKind, FeedEntry[]>> = { readings: [], predictions: [] };
  readonly #listeners = new Map<ServerResponse, FeedKind>();
  #keepalive: NodeJS.Timeout | undefined;
  #number = 0;
  #slow = 0;
  #refused = 0;

  constructor(options: RecordFeedOptions) {
    this.#options = options;
  }

  counters(): FeedCounters {
    return { listeners: this.#listeners.size, slow: this.#slow, refused: this.#refused };
  }

  add(kind: FeedKind, body: object): void {
    const entry = { number: (this.#number += 1), body };
    const ring = this.#rings[kind];
    ring.push(entry);
    if (ring.length > this.#options.remembered) ring.shift();
    const listening = [...this.#listeners].filter(([, wanted]) => wanted === kind);
    if (listening.length === 0) return;
    const text = this.#text(kind, entry);
    for (const [response] of listening) this.#send(response, text);
  }

  /** False when there are too many. `lastEventId`: what came after it is sent first, and a `gap` event where that is not known whole. */
  listen(kind: FeedKind, response: ServerResponse, lastEventId: string | undefined): boolean {
    if (this.#listeners.size >= this.#options.maxListeners) {
      this.#refused += 1;
      return false;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 2000\n\n');
    this.#listeners.set(response, kind);
    response.on('close', () => this.#forget(response));
    this.#keepalive ??= setInterval(() => {
      for (const listener of this.#listeners.keys()) this.#send(listener, ':\n\n');
    }, KEEPALIVE_MS).unref();
    if (lastEventId !== undefined) this.#catchUp(kind, response, lastEventId);
    return true;
  }

  stop(): void {
    for (const response of this.#listeners.keys()) response.end();
    clearInterval(this.#keepalive);
  }

  #catchUp(kind: FeedKind, response: ServerResponse, lastEventId: string): void {
    const [run, number] = lastEventId.split('-');
    const seen = run === this.#options.run ? Number(number) : Number.NaN;
    const ring = this.#rings[kind];
    const oldest = ring[0]?.number ?? this.#number + 1;
    const isWhole = seen + 1 >= oldest || (ring.length < this.#options.remembered && seen >= 0);
    if (!isWhole) this.#send(response, `event: gap\ndata: ${JSON.stringify({ after: lastEventId.slice(0, 64) })}\n\n`);
    const missed = Number.isNaN(seen) ? ring : ring.filter((entry) => entry.number > seen);
    for (const entry of missed) this.#send(response, this.#text(kind, entry));
  }

  #text(kind: FeedKind, { number, body }: FeedEntry): string {
    return `id: ${this.#options.run}-${number}\nevent: ${EVENT_NAMES[kind]}\ndata: ${JSON.stringify(body)}\n\n`;
  }

  #send(response: ServerResponse, text: string): void {
    if (!this.#listeners.has(response)) return;
    if (response.writableLength <= this.#options.maxPendingBytes) {
      response.write(text);
      return;
    }
    this.#slow += 1;
    this.#forget(response);
    response.destroy();
  }

  #forget(response: ServerResponse): void {
    this.#listeners.delete(response);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#keepalive);
    this.#keepalive = undefined;
  }
}
