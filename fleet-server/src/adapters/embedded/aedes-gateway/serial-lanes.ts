/** Runs tasks of the same key one after the other and tasks of different keys side by side. */

export class SerialLanes {
  readonly #onError: (error: unknown) => void;
  readonly #tails = new Map<string, Promise<void>>();

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  run(key: string, task: () => Promise<unknown>): void {
    const tail: Promise<void> = (this.#tails.get(key) ?? Promise.resolve()).then(task).then(
      () => this.#leave(key, tail),
      (error: unknown) => {
        this.#leave(key, tail);
        this.#onError(error);
      },
    );
    this.#tails.set(key, tail);
  }

  /** When everything that runs now has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  #leave(key: string, tail: Promise<void>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
