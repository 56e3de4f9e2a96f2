/**
 * Tells when acknowledgements stop coming. A connection is acknowledged in the order it was written, so what counts is how long the oldest
 * message has been the oldest: with many under way the last one is not late because those before it were many.
 */
export class AckWatch {
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  /** In the order of sending. */
  readonly #unacknowledged = new Set<object>();
  #timer: NodeJS.Timeout | undefined;

  /** `onSilence` is called once each time the oldest message has been so for `limitMs`. */
  constructor(limitMs: number, onSilence: () => void) {
    this.#limitMs = limitMs;
    this.#onSilence = onSilence;
  }

  sent(message: object): void {
    this.#unacknowledged.add(message);
    this.#timer ??= setTimeout(this.#onSilence, this.#limitMs);
  }

  /** Acknowledged, or given up. */
  settled(message: object): void {
    const [oldest] = this.#unacknowledged;
    this.#unacknowledged.delete(message);
    if (this.#unacknowledged.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (message === oldest) this.#timer?.refresh();
  }
}
