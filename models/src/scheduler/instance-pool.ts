/** The handles of one model that run batches: which one is next, and when each will be free. */
import type { ModelHandle } from '../engine/inference-engine.port.ts';

const FIRST_REST_MS = 500;
const MAX_REST_MS = 30_000;

export class Instance {
  readonly handle: ModelHandle;
  isBusy = false;
  /** When its batch is expected to be done, by the clock of the scheduler. */
  freeAt = 0;
  #restsUntil = -Infinity;
  #faults = 0;

  constructor(handle: ModelHandle) {
    this.handle = handle;
  }

  isResting(now: number): boolean {
    return now < this.#restsUntil;
  }

  /** It said that it is out of service: the others go first for a while, longer every time in a row. */
  rest(now: number): void {
    this.#restsUntil = now + Math.min(MAX_REST_MS, FIRST_REST_MS * 2 ** this.#faults);
    this.#faults += 1;
  }

  served(): void {
    this.#faults = 0;
    this.#restsUntil = -Infinity;
  }
}

export class InstancePool {
  readonly #instances: readonly Instance[];

  constructor(handles: readonly ModelHandle[]) {
    this.#instances = handles.map((handle) => new Instance(handle));
  }

  get all(): readonly Instance[] {
    return this.#instances;
  }

  get size(): number {
    return this.#instances.length;
  }

  get isIdle(): boolean {
    return this.#instances.every(({ isBusy }) => !isBusy);
  }

  /** Those that count: all that do not rest or, when all rest, all, so that callers hear why instead of waiting. */
  inService(now: number): readonly Instance[] {
    const awake = this.#instances.filter((instance) => !instance.isResting(now));
    return awake.length === 0 ? this.#instances : awake;
  }

  /** One that can take a batch now. */
  next(now: number): Instance | undefined {
    return this.inService(now).find(({ isBusy }) => !isBusy);
  }

  /** When each that counts can take its next batch; a batch that takes longer than expected may end any moment. */
  freeAt(now: number): number[] {
    return this.inService(now).map(({ isBusy, freeAt }) => (isBusy ? Math.max(now, freeAt) : now));
  }
}
