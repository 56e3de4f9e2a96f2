/** A time of day that passes faster than it does, so that a simulation shows a night in seconds; a restart does not set it back. */
import { SystemClock } from './system-clock.ts';

export class FastClock extends SystemClock {
  readonly #speed: number;
  readonly #setAt: number;

  /** At `setAt`, milliseconds, it showed that instant. */
  constructor(speed: number, setAt: number) {
    super();
    this.#speed = speed;
    this.#setAt = setAt;
  }

  override now(): number {
    return Math.floor(this.#setAt + (super.now() - this.#setAt) * this.#speed);
  }
}
