/** Lets a loop rest until there is something to do: a wake-up that came before the rest is not lost. */

export class WakeUp {
  #isDue = false;
  #waiting: (() => void) | undefined;

  wake(): void {
    this.#isDue = true;
    this.#waiting?.();
  }

  /** Resolves at the next wake-up, at once when one came since the last rest, or after `atMostMs`. */
  async rest(atMostMs: number): Promise<void> {
    if (!this.#isDue && atMostMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, atMostMs);
      this.#waiting = resolve;
      await promise;
      clearTimeout(timer);
      this.#waiting = undefined;
    }
    this.#isDue = false;
  }
}
