/** Notices a half-open connection: one on which nothing has come for too long, whatever was written to it. */
import type { Clock } from '../runtime.ts';

export class SilenceWatch {
  readonly #limitMs: number;
  readonly #clock: Clock;
  readonly #onSilent: () => void;
  #heardAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, clock: Clock, onSilent: () => void) {
    this.#limitMs = limitMs;
    this.#clock = clock;
    this.#onSilent = onSilent;
  }

  start(): void {
    this.heard();
    this.#arm(this.#limitMs);
  }

  /** Cheap: the timer looks at it when it is due. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => {
      const leftMs = this.#heardAt + this.#limitMs - this.#clock.monotonic();
      if (leftMs <= 0) this.#onSilent();
      else this.#arm(leftMs);
    }, delayMs);
  }
}
