/** Waiting work of one engine: higher priority first, first come first served among equals, bounded. */

export interface Queued {
  readonly priority: number;
}

export class RequestQueue<T extends Queued> {
  readonly #capacity: number;
  #items: T[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#items.length;
  }

  /** False when full. */
  push(item: T): boolean {
    if (this.#items.length >= this.#capacity) return false;
    const after = this.#items.findIndex(({ priority }) => priority < item.priority);
    this.#items.splice(after < 0 ? this.#items.length : after, 0, item);
    return true;
  }

  /** Those that match, in order; they stay. */
  filter(matches: (item: T) => boolean): T[] {
    return this.#items.filter(matches);
  }

  shift(): T | undefined {
    return this.#items.shift();
  }

  /** Takes out everything that matches, in order. */
  remove(matches: (item: T) => boolean): T[] {
    const removed = this.#items.filter(matches);
    this.#items = this.#items.filter((item) => !removed.includes(item));
    return removed;
  }
}
