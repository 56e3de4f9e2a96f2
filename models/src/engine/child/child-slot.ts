/** The place of one engine process: starts it when needed, again after a loss, larger when the models need more. */
import { setTimeout as delay } from 'node:timers/promises';
import { asModelError, ModelError } from '../../errors.ts';
import { EngineChild, type ChildLimits } from './engine-child.ts';
import { decideRestart, type RestartPolicy } from './restart-policy.ts';
import type { ChildLaunch } from './spawn-child.ts';

/** `lost` is told when the next request finds the process gone, `ready` when another one is up. */
export type ChildEvent = { readonly type: 'lost'; readonly reason: ModelError } | { readonly type: 'ready' };

export interface SlotOptions {
  /** For a process whose models declare `memoryMb` together. */
  readonly launch: (memoryMb: number) => ChildLaunch;
  readonly limits: (memoryMb: number) => ChildLimits;
  readonly restartPolicy: RestartPolicy;
  /** Milliseconds, monotonic or not. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onChild: (event: ChildEvent) => void;
}

export class ChildSlot {
  readonly #options: SlotOptions;
  readonly #closing = new AbortController();
  #child: EngineChild | null = null;
  #memoryMb = 0;
  #lossesAt: number[] = [];
  #isStarting = false;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** The process as it is now, lost or not. */
  get child(): EngineChild | null {
    return this.#child;
  }

  /** Whether the process that was asked for is on its way. */
  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** Not reentrant. Rejects with ENGINE_UNAVAILABLE after too many losses, ENGINE_CLOSED, or why the start failed. */
  async acquire(memoryMb: number): Promise<EngineChild> {
    if (this.#closing.signal.aborted) throw new ModelError('ENGINE_CLOSED', 'The engine is closed');
    if (this.#child?.lost === null && this.holds(memoryMb)) {
      this.#child.watch(this.#options.limits(memoryMb));
      return this.#child;
    }
    this.#isStarting = true;
    try {
      await this.#dispose();
      await this.#backOff();
      this.#memoryMb = memoryMb;
      this.#child = await this.#start(memoryMb);
      return this.#child;
    } finally {
      this.#isStarting = false;
    }
  }

  /** Whether the process, if there is one, was started with caps that let so much in. */
  holds(memoryMb: number): boolean {
    const { launch } = this.#options;
    return (
      this.#child === null ||
      memoryMb <= this.#memoryMb ||
      JSON.stringify(launch(memoryMb)) === JSON.stringify(launch(this.#memoryMb))
    );
  }

  /** Takes a process that was started with the caps for `memoryMb`, before the first `acquire`. */
  adopt(child: EngineChild, memoryMb: number): void {
    this.#child = child;
    this.#memoryMb = memoryMb;
  }

  /** Lets a living process go to somebody else; null when there is none. */
  detach(): EngineChild | null {
    const child = this.#child;
    if (child?.lost !== null) return null;
    this.#child = null;
    return child;
  }

  /** Ends the process; `acquire` may start another one. */
  async release(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    await child?.stop();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.release();
  }

  async #dispose(): Promise<void> {
    const reason = this.#child?.lost ?? null;
    await this.release();
    if (reason !== null && reason.code !== 'ENGINE_CLOSED') this.#noteLoss(reason);
  }

  async #backOff(): Promise<void> {
    const { now, random, restartPolicy } = this.#options;
    const decision = decideRestart(this.#lossesAt, now(), restartPolicy, random());
    if (decision.action === 'rest')
      throw new ModelError(
        'ENGINE_UNAVAILABLE',
        `The engine was lost ${this.#lossesAt.length} times and rests until ${decision.untilMs}`,
      );
    if (decision.delayMs > 0)
      await delay(decision.delayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    if (this.#closing.signal.aborted) throw new ModelError('ENGINE_CLOSED', 'The engine is closed');
  }

  async #start(memoryMb: number): Promise<EngineChild> {
    try {
      const child = await EngineChild.start(this.#options.launch(memoryMb), this.#options.limits(memoryMb));
      if (this.#closing.signal.aborted) {
        await child.stop();
        throw new ModelError('ENGINE_CLOSED', 'The engine is closed');
      }
      this.#options.onChild({ type: 'ready' });
      return child;
    } catch (error) {
      const reason = asModelError(error, 'ENGINE_CRASHED');
      if (reason.code !== 'ENGINE_CLOSED') this.#noteLoss(reason);
      throw reason;
    }
  }

  #noteLoss(reason: ModelError): void {
    const oldest = this.#options.now() - this.#options.restartPolicy.windowMs;
    this.#lossesAt = [...this.#lossesAt.filter((at) => at > oldest), this.#options.now()];
    this.#options.onChild({ type: 'lost', reason });
  }
}
