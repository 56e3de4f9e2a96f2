/** The runs of one model version that are leased: so many with the engines, the others next. */
import type { LeasedRun } from '../ports/prediction-queue.ts';

export class ModelRuns {
  readonly model: string;
  readonly version: string;
  /** Runs that may be with the engines at a time. */
  limit = 1;
  readonly #next: LeasedRun[] = [];
  #running = 0;

  constructor({ model, version }: Pick<LeasedRun, 'model' | 'version'>) {
    this.model = model;
    this.version = version;
  }

  get held(): number {
    return this.#next.length + this.#running;
  }

  add(run: LeasedRun): void {
    this.#next.push(run);
  }

  /** Those that may start now; each ends with `done`. */
  start(): LeasedRun[] {
    const started = this.#next.splice(0, Math.max(0, this.limit - this.#running));
    this.#running += started.length;
    return started;
  }

  done(): void {
    this.#running -= 1;
  }
}
