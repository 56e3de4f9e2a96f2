/** Takes steps one after the other, rests in between as each step says, and waits for news when there is nothing to do. */
import { setTimeout } from 'node:timers/promises';

export const NOTHING_TO_DO = -1;
/** After a step its taker rests so many times as long as it worked, so that ingest goes first. */
export const REST = 2;
const RETRY_MS = 1_000;

interface Steps {
  /** @returns milliseconds to rest, or NOTHING_TO_DO */
  readonly step: () => Promise<number>;
  /** A step that failed is taken again. */
  readonly onError: (error: unknown) => void;
  /** Longest wait for news. */
  readonly idleMs: number;
}

export class PacedSteps {
  readonly #with: Steps;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #stepping: Promise<unknown> = Promise.resolve();
  /** Ends the wait for something to do. */
  #wake: AbortController | undefined;
  #hasNews = false;

  constructor(steps: Steps) {
    this.#with = steps;
  }

  start(): void {
    this.#running = this.#run(this.#stopping.signal);
  }

  /** There is something to do. */
  news(): void {
    this.#hasNews = true;
    this.#wake?.abort();
  }

  /** Resolves when what is being carried now is stored; later steps read what is there by then. */
  async stepEnded(): Promise<void> {
    await this.#stepping;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#hasNews = false;
      const step = this.#with.step().catch((error: unknown) => {
        this.#with.onError(error);
        return RETRY_MS;
      });
      this.#stepping = step;
      const restMs = await step;
      await (restMs === NOTHING_TO_DO ? this.#untilNews(signal) : rest(restMs, signal));
    }
  }

  /** News end the wait; looking now and then is for what nobody tells, such as a view that was defined. */
  async #untilNews(signal: AbortSignal): Promise<void> {
    if (this.#hasNews) return;
    this.#wake = new AbortController();
    await rest(this.#with.idleMs, AbortSignal.any([signal, this.#wake.signal]));
    this.#wake = undefined;
  }
}

const rest = async (ms: number, signal: AbortSignal): Promise<void> => {
  await setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined);
};
