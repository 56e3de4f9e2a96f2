/** Several clients that ask, keep what was acknowledged, and ask again word for word what was not. */
import { setTimeout as pause } from 'node:timers/promises';
import type { PredictionSubmitBatchAnswer, PredictionTicket } from '@shoal/protocol';
import { requestOf } from './asked-load.ts';

const CLIENTS = 8;
/** Requests of one HTTP request, in turn: a batch in which some are alone. */
const BATCHES = [50, 1, 25, 100, 1];
const PAUSE_MS = 20;
/** A server that was killed takes a while to come back. */
const AGAIN_MS = 100;
const PATIENCE_MS = 20_000;

export class Submitters {
  readonly #url: () => string;
  /** Ticket of every acknowledged request, by its index. */
  readonly acknowledged = new Map<number, string>();
  /** A request that was acknowledged twice with different tickets. */
  readonly changedTickets: number[] = [];
  /** HTTP requests without an answer, as a kill leaves them. */
  broken = 0;
  /** Refusals, by status; 429 and 503 are asked again. */
  readonly refused = new Map<number, number>();
  #next = 0;
  #allowed = 0;
  #inFlight = 0;
  #stopped = false;
  #clients: readonly Promise<void>[] = [];

  constructor(url: () => string) {
    this.#url = url;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  start(): void {
    this.#clients = Array.from({ length: CLIENTS }, (_, client) => this.#ask(client));
  }

  /** Requests up to this index may be asked from now on. */
  allow(requests: number): void {
    this.#allowed = requests;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #ask(client: number): Promise<void> {
    for (let round = client; !this.#stopped; round += 1) {
      const size = Math.min(BATCHES[round % BATCHES.length] ?? 1, this.#allowed - this.#next);
      if (size <= 0) {
        await pause(PAUSE_MS);
        continue;
      }
      const indices = Array.from({ length: size }, (_, offset) => this.#next + offset);
      this.#next += size;
      await this.#untilAcknowledged(indices);
    }
  }

  async #untilAcknowledged(indices: readonly number[]): Promise<void> {
    for (let waiting = indices; waiting.length > 0 && !this.#stopped;) {
      this.#inFlight += 1;
      try {
        waiting = await this.#send(waiting);
      } catch {
        this.broken += 1;
      }
      this.#inFlight -= 1;
      if (waiting.length > 0) await pause(AGAIN_MS);
    }
  }

  /** @returns those that were not acknowledged */
  async #send(indices: readonly number[]): Promise<number[]> {
    const [only, ...others] = indices;
    if (only !== undefined && others.length === 0) {
      const { status, body } = await this.#post('', requestOf(only));
      return this.#take(only, status, body as PredictionTicket) ? [] : [only];
    }
    const { status, body } = await this.#post('/batch', { requests: indices.map(requestOf) });
    if (status !== 200) {
      this.#refuse(status);
      return [...indices];
    }
    const { items } = body as PredictionSubmitBatchAnswer;
    return indices.filter((index, at) => {
      const item = items[at];
      return item === undefined || !this.#take(index, item.status, item.ticket);
    });
  }

  async #post(path: string, body: object): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await fetch(`${this.#url()}/api/predictions${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return { status: response.status, body: await response.json() };
  }

  #take(index: number, status: number, ticket: PredictionTicket | undefined): boolean {
    if (ticket === undefined || (status !== 200 && status !== 202)) {
      this.#refuse(status);
      return false;
    }
    const before = this.acknowledged.get(index);
    if (before !== undefined && before !== ticket.id) this.changedTickets.push(index);
    this.acknowledged.set(index, ticket.id);
    return true;
  }

  #refuse(status: number): void {
    this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
  }
}
