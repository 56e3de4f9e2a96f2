/** Tells the work of a connection that its caller has left; lighter than an `AbortSignal`, which is an event target of its own. */
import type { CallerSignal } from '@shoal/models';

export class Caller implements CallerSignal {
  #listeners: (() => void)[] = [];
  #hasLeft = false;

  get aborted(): boolean {
    return this.#hasLeft;
  }

  addEventListener(_: 'abort', listener: () => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(_: 'abort', listener: () => void): void {
    const index = this.#listeners.lastIndexOf(listener);
    if (index !== -1) this.#listeners.splice(index, 1);
  }

  /** Once. */
  leave(): void {
    this.#hasLeft = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
