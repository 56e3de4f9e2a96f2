/** Group commit without a timer: one batch is being written while the next collects, so bursts share a transaction. */

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class GroupCommit<T> {
  private readonly write: (items: readonly T[]) => Promise<void>;
  private readonly maxItems: number;
  private queue: Waiting<T>[] = [];
  private draining: Promise<void> | undefined;

  /** `write` commits all items or none; they come in the order they were submitted, at most `maxItems` together. */
  constructor(write: (items: readonly T[]) => Promise<void>, maxItems: number) {
    this.write = write;
    this.maxItems = maxItems;
  }

  /** Resolves when the item is committed; rejects with what `write` rejected with, as all of its batch does. */
  submit(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.queue.push({ item, resolve, reject });
      this.draining ??= this.drain();
    });
  }

  /** Resolves when nothing is waiting or being written. */
  async idle(): Promise<void> {
    while (this.draining) await this.draining;
  }

  private async drain(): Promise<void> {
    // Whoever submits in the same turn shares the first batch.
    await Promise.resolve();
    while (this.queue.length > 0) await this.writeNext();
    this.draining = undefined;
  }

  private async writeNext(): Promise<void> {
    const batch = this.queue.slice(0, this.maxItems);
    this.queue = this.queue.slice(this.maxItems);
    try {
      await this.write(batch.map((waiting) => waiting.item));
      for (const waiting of batch) waiting.resolve();
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
}
