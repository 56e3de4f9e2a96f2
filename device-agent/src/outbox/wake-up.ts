/** Lets one loop sleep until something happens, without missing what happens while it is awake. */

export class WakeUp {
  #pending = false;
  #resolve: (() => void) | undefined;

  /** Ends the current sleep, or the next one before it begins. */
  ring(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  /** Sleeps until `ring`, or for `timeoutMs`; Infinity has no timer. */
  async sleep(timeoutMs: number): Promise<void> {
    if (!this.#pending) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        if (timeoutMs !== Infinity) timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.#resolve = undefined;
    }
    this.#pending = false;
  }
}
