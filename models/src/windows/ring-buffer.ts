/** A first-in, first-out buffer that grows to a bound and then gives up its oldest item. */

const FIRST_CAPACITY = 64;

export class RingBuffer<T> {
  readonly #maxItems: number;
  #slots: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  get length(): number {
    return this.#length;
  }

  /** Returns the item that had to go for this one, if any. */
  push(item: T): T | undefined {
    const gone = this.#length === this.#maxItems ? this.shift() : undefined;
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) % this.#slots.length] = item;
    this.#length += 1;
    return gone;
  }

  /** The oldest item, no longer in the buffer. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#length -= 1;
    return item;
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head];
  }

  // Oldest first.
  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.#length; index += 1) {
      yield this.#slots[(this.#head + index) % this.#slots.length] as T;
    }
  }

  #grow(): void {
    const items = [...this];
    const capacity = Math.min(this.#maxItems, Math.max(FIRST_CAPACITY, items.length * 2));
    this.#slots = Array.from({ length: capacity }, (_, index) => items[index]);
    this.#head = 0;
  }
}
