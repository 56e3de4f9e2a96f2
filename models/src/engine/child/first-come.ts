/** Trusted models come first: whoever is new waits until none of them is on its way, on whichever engine. */
export class FirstCome {
  readonly #onTheirWay = new Set<Promise<unknown>>();

  /** As `arrival`, which is waited for. */
  async expect<T>(arrival: Promise<T>): Promise<T> {
    this.#onTheirWay.add(arrival);
    try {
      return await arrival;
    } finally {
      this.#onTheirWay.delete(arrival);
    }
  }

  /** Resolves when all that are expected now have come or failed. Never rejects. */
  async whenQuiet(): Promise<void> {
    await Promise.allSettled(this.#onTheirWay);
  }
}
