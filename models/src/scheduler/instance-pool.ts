/** The handles of one model that run batches: which one is next, and when each will be free. */
import type { ModelHandle } from '../engine/inference-engine.port.ts';

const FIRST_REST_MS = 500;
const MAX_REST_MS = 30_000;

export class Instance {
  readonly handle: ModelHandle;
  /** The batch that runs, with when it is expected to be done, and perhaps one that the engine finds then. */
  #underWay: { readonly costMs: number; readonly endsAt: number }[] = [];
  /** When it last was done with a run. */
  answeredAt = -Infinity;
  #restsUntil = -Infinity;
  #faults = 0;

  constructor(handle: ModelHandle) {
    this.handle = handle;
  }

  get batches(): number {
    return this.#underWay.length;
  }

  get isBusy(): boolean {
    return this.batches > 0;
  }

  /** Sends a batch that is expected to take so long. */
  begin(now: number, costMs: number): void {
    this.#underWay.push({ costMs, endsAt: now + costMs });
  }

  /** One batch is done. */
  end(now: number): void {
    const [next] = this.#underWay.splice(0, 2).slice(1);
    if (next !== undefined) this.begin(now, next.costMs);
  }

  /** When it is expected to be done with everything, by the clock of the scheduler; a batch that takes longer than expected may end any moment. */
  freeAt(now: number): number {
    const [running, next] = this.#underWay;
    return running === undefined ? now : Math.max(now, running.endsAt) + (next?.costMs ?? 0);
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

  /** One that runs a batch and has no other before it; the one that is done first. */
  ahead(now: number): Instance | undefined {
    return this.inService(now)
      .filter(({ batches }) => batches === 1)
      .toSorted((one, other) => one.freeAt(now) - other.freeAt(now))[0];
  }

  /** When each that counts can begin its next batch. */
  freeAt(now: number): number[] {
    return this.inService(now).map((instance) => instance.freeAt(now));
  }
}
