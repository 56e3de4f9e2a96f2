/** How far several streams of one model have come together, in event time: windows close by the slowest of them, within bounds. Pure. */

/** Streams are named; an instant is in milliseconds since the epoch. */
export class JoinWatermark {
  readonly #waitMs: number;
  readonly #newest: Map<string, number>;
  readonly #ended = new Set<string>();

  /** A stream that lags, or has given nothing yet, is waited for until another is `waitMs` ahead of it; Infinity waits for ever. */
  constructor(streams: readonly string[], waitMs: number) {
    this.#newest = new Map(streams.map((stream) => [stream, -Infinity]));
    this.#waitMs = waitMs;
  }

  advance(stream: string, at: number): void {
    this.#newest.set(stream, Math.max(this.#newest.get(stream) ?? -Infinity, at));
  }

  /** It has no more, and holds nobody back. */
  end(stream: string): void {
    this.#ended.add(stream);
  }

  get allEnded(): boolean {
    return this.#ended.size >= this.#newest.size;
  }

  /** Newest instant of all streams; -Infinity before the first. */
  get newestAt(): number {
    return Math.max(...this.#newest.values());
  }

  /** Samples before this are not expected any more: the least of the streams that still run, or what the bound allows. */
  get completeUpTo(): number {
    return Math.max(Math.min(this.#slowest([]), this.newestAt), this.newestAt - this.#waitMs);
  }

  /** Whether `stream` is more than `byMs` ahead of the slowest other one that still runs; `without` do not count. */
  isAhead(stream: string, byMs: number, without: readonly string[]): boolean {
    const own = this.#newest.get(stream) ?? -Infinity;
    return own > this.#slowest([stream, ...without]) + byMs;
  }

  /** Infinity when all that count have ended. */
  #slowest(without: readonly string[]): number {
    const running = [...this.#newest].filter(([stream]) => !this.#ended.has(stream) && !without.includes(stream));
    return Math.min(Infinity, ...running.map(([, at]) => at));
  }
}
