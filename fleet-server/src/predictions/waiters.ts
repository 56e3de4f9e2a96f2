/** Who waits for news of what, by key. */

export class Waiters<T> {
  readonly #waiting = new Map<string, Set<(news: T) => void>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns the end of waiting; to be called once */
  add(key: string, hear: (news: T) => void): () => void {
    const others = this.#waiting.get(key) ?? new Set();
    others.add(hear);
    this.#waiting.set(key, others);
    this.#count += 1;
    return () => {
      this.#count -= 1;
      others.delete(hear);
      if (others.size === 0 && this.#waiting.get(key) === others) this.#waiting.delete(key);
    };
  }

  tell(key: string, news: T): void {
    for (const hear of this.#waiting.get(key) ?? []) hear(news);
  }
}
