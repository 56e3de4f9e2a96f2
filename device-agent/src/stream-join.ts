/** Brings the streams of one model together by event time: who has spoken, who is ahead and waits, how far all have come. */
import { isModelStream } from './model-chains.ts';
import { JoinWatermark } from './windows/join-watermark.ts';

/** As much of a source as a model's lane needs of it. */
export interface SampleStream {
  readonly name: string;
  readonly channels: readonly string[];
  /** Whether it can be held back without losing anything. */
  readonly canWait: boolean;
}

export class StreamJoin {
  readonly #sources: readonly string[];
  readonly #joinWaitMs: number;
  /** Bounded by the wait: for the world, which goes on. */
  readonly #bounded: JoinWatermark;
  /** Exact: for recordings, which wait for each other. */
  readonly #exact: JoinWatermark;
  readonly #introduced = new Map<string, SampleStream>();
  #waiting: (() => void)[] = [];
  #isLetGo = false;

  constructor(sources: readonly string[], joinWaitMs: number) {
    this.#sources = sources;
    this.#joinWaitMs = joinWaitMs;
    this.#bounded = new JoinWatermark(sources, joinWaitMs);
    this.#exact = new JoinWatermark(sources, Infinity);
  }

  /** Whether nothing of it is lost by waiting: every stream that has spoken can wait. */
  get canWait(): boolean {
    return [...this.#introduced.values()].every(({ canWait }) => canWait);
  }

  get allEnded(): boolean {
    return this.#exact.allEnded;
  }

  /** Windows that end at or before this may close. */
  get completeUpTo(): number {
    return this.canWait ? this.#exact.completeUpTo : this.#bounded.completeUpTo;
  }

  /** Channels of all streams, once: with the sample that introduces the last of them. Else null. */
  introduce(stream: SampleStream): readonly string[] | null {
    if (this.#introduced.has(stream.name)) return null;
    this.#introduced.set(stream.name, stream);
    if (this.#introduced.size < this.#sources.length) return null;
    return [...this.#introduced.values()].flatMap(({ channels }) => channels);
  }

  advance({ name }: SampleStream, at: number): void {
    this.#bounded.advance(name, at);
    this.#exact.advance(name, at);
    this.#wake();
  }

  end(stream: string): void {
    this.#bounded.end(stream);
    this.#exact.end(stream);
    this.#wake();
  }

  /**
   * Resolves when `stream` is no more than the wait ahead of the other sensors that can wait too. Predictions of models hold
   * nobody back: they come of the samples that would wait for them.
   */
  async turn(stream: string): Promise<void> {
    const models = this.#sources.filter(isModelStream);
    while (!this.#isLetGo && this.canWait && this.#exact.isAhead(stream, this.#joinWaitMs, models)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** From now on nobody waits. */
  letGo(): void {
    this.#isLetGo = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
