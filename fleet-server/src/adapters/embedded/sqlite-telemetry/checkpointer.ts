/**
 * Says when the log of the telemetry file is copied into the file. A thread does it while the writer goes on; the writer does the rest of
 * a long log, so that there is an instant at which all is copied and it begins anew.
 */
import type { Logger } from 'pino';
import { ThreadLink, threadEntry } from './thread-link.ts';
import { CHECKPOINT_PAGES } from './telemetry-file.ts';
import type { CheckpointJobs } from './thread-messages.ts';
import type { LogState } from './write-ahead-log.ts';

/**
 * The log begins anew from here on. Not earlier, because the writer then waits for the disk twice, which all who wait for an
 * acknowledgement notice.
 */
const FULL_PAGES = 32 * CHECKPOINT_PAGES;
/** So few are left to the writer. */
const FEW_PAGES = 100;
/** Under constant load each pass leaves less than the one before. */
const MOST_PASSES = 4;
/** After one that failed. */
const REST_MS = 5_000;

export class Checkpointer {
  readonly #thread: ThreadLink<CheckpointJobs>;
  readonly #file: string;
  readonly #finish: () => Promise<unknown>;
  readonly #log: Logger;
  #running: Promise<void> | undefined;
  #notBefore = 0;

  /** `finish`: the writer copies what is left. */
  constructor(file: string, finish: () => Promise<unknown>, log: Logger) {
    this.#thread = new ThreadLink<CheckpointJobs>(threadEntry('checkpoint-thread'), {
      onQuarantine: () => undefined,
      onDeath: (error) => log.error({ err: error }, 'the thread that copies the log into the telemetry file died'),
    });
    this.#file = file;
    this.#finish = finish;
    this.#log = log;
  }

  /** After every commit. `now`: milliseconds of a clock that never steps. */
  note({ pages, copied }: LogState, now: number): void {
    if (pages - copied < CHECKPOINT_PAGES || this.#running !== undefined || now < this.#notBefore) return;
    this.#running = this.#run(pages >= FULL_PAGES)
      .catch((error: unknown) => {
        this.#notBefore = now + REST_MS;
        this.#log.warn({ err: error }, 'the log was not copied into the telemetry file; it is tried again');
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async stop(): Promise<void> {
    await this.#running;
    await this.#thread.stop();
  }

  async #run(isFull: boolean): Promise<void> {
    if (!this.#thread.isRunning) await this.#thread.start({ file: this.#file });
    for (let pass = 0; pass < (isFull ? MOST_PASSES : 1); pass += 1) {
      if ((await this.#thread.ask('checkpoint', null)) <= FEW_PAGES) break;
    }
    if (isFull) await this.#finish();
  }
}
