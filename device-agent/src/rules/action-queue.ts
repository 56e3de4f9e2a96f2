/** Runs what one rule has to do, one after the other, and never lets it pile up: of what waits only the latest counts. */
import type { RuleAction, RuleFacts } from './rule-actions.port.ts';

export interface QueuedActions {
  readonly facts: RuleFacts;
  readonly actions: readonly (readonly [name: string, action: RuleAction])[];
}

export interface ActionQueueOptions {
  /** Told for each action that failed; the others still run. */
  readonly onFailure: (name: string, facts: RuleFacts, error: unknown) => void;
}

export class ActionQueue {
  readonly #options: ActionQueueOptions;
  readonly #ending = new AbortController();
  #waiting: QueuedActions | undefined;
  #working: Promise<void> | undefined;
  #done = 0;
  #coalesced = 0;

  constructor(options: ActionQueueOptions) {
    this.#options = options;
  }

  /** Transitions whose actions were run, and those that a later one replaced while they waited. */
  get counters(): { readonly done: number; readonly coalesced: number } {
    return { done: this.#done, coalesced: this.#coalesced };
  }

  /** Takes it at once and returns. */
  put(next: QueuedActions): void {
    if (next.actions.length === 0 || this.#ending.signal.aborted) return;
    if (this.#waiting !== undefined) this.#coalesced += 1;
    this.#waiting = next;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Resolves when nothing runs or waits. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Ends what runs; what waits is not begun. */
  async stop(): Promise<void> {
    this.#waiting = undefined;
    this.#ending.abort();
    await this.settled();
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting; next !== undefined; next = this.#waiting) {
      this.#waiting = undefined;
      await this.#runAll(next);
      this.#done += 1;
    }
  }

  async #runAll({ facts, actions }: QueuedActions): Promise<void> {
    for (const [name, action] of actions) {
      try {
        await action.run(facts, this.#ending.signal);
      } catch (error) {
        this.#options.onFailure(name, facts, error);
      }
    }
  }
}
