/** One engine process and the work that waits for it: one job after the other, and a word when one of them holds up the rest. */
import { asModelError, type ModelError } from '../../errors.ts';
import type { ChildModel } from './child-model.ts';
import { ChildSlot, type SlotOptions } from './child-slot.ts';
import type { EngineChild } from './engine-child.ts';
import { isHeldUp } from './held-up.ts';
import type { PendingRequest } from './pending-request.ts';
import { RequestQueue } from './request-queue.ts';

export interface Job {
  readonly priority: number;
  readonly model: ChildModel;
  readonly request: PendingRequest | null;
  run(): Promise<void>;
  fail(error: ModelError): void;
}

export interface LaneOptions extends SlotOptions {
  readonly maxQueued: number;
  /** Milliseconds for which a run may keep the requests of another model waiting. */
  readonly patienceMs: number;
  /** `model` keeps others waiting. Told again until it does not. */
  readonly onHeldUp: (lane: Lane, model: ChildModel) => void;
  /** After the last waiting job. */
  readonly onIdle: (lane: Lane) => Promise<void>;
}

const LOOK_MS = 50;

export class Lane {
  readonly slot: ChildSlot;
  readonly #options: LaneOptions;
  readonly #queue: RequestQueue<Job>;
  #current: { readonly job: Job; startedAt: number } | null = null;
  #running = false;
  #stale: EngineChild | null = null;
  #look: NodeJS.Timeout | null = null;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.slot = new ChildSlot(options);
    this.#queue = new RequestQueue(options.maxQueued);
  }

  get queued(): number {
    return this.#queue.length;
  }

  get current(): Job | null {
    return this.#current?.job ?? null;
  }

  /** False when the queue is full. */
  push(job: Job): boolean {
    const accepted = this.#queue.push(job);
    void this.#drain();
    this.#watch();
    return accepted;
  }

  /** Takes waiting jobs out, in order. */
  take(matches: (job: Job) => boolean): Job[] {
    return this.#queue.remove(matches);
  }

  /** Once the current job is done its process goes, if it still lives: it holds models that are elsewhere now. */
  renewProcess(): void {
    this.#stale = this.slot.child;
  }

  /** One job after the other; whatever a job throws goes to its own caller. */
  async #drain(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      this.#current = { job, startedAt: performance.now() };
      try {
        await job.run();
      } catch (error) {
        job.fail(asModelError(error, 'ENGINE_CRASHED'));
      }
      if (this.#stale !== null && this.#stale === this.slot.child) await this.slot.release();
      this.#stale = null;
    }
    this.#current = null;
    this.#running = false;
    await this.#options.onIdle(this);
  }

  /** Looks from time to time, but only while something waits. */
  #watch(): void {
    if (this.#look !== null || this.#queue.length === 0) return;
    this.#look = setTimeout(() => {
      this.#look = null;
      this.#lookAtQueue();
      this.#watch();
    }, LOOK_MS).unref();
  }

  #lookAtQueue(): void {
    if (this.#current === null) return;
    const { job } = this.#current;
    // It is not the doing of a model that a process takes its time to start, and another one would not be there sooner.
    if (this.slot.isStarting) this.#current.startedAt = performance.now();
    const { startedAt } = this.#current;
    const waiting = this.#queue.filter(({ model }) => model !== job.model).map(({ request }) => request?.deadlineMs);
    if (isHeldUp(performance.now() - startedAt, waiting, this.#options.patienceMs))
      this.#options.onHeldUp(this, job.model);
  }
}
