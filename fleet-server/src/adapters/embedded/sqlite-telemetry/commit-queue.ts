/**
 * Which appends share the next transaction: what may not wait goes first, what may wait fills it up. Beside traffic that may
 * not wait it is one append at a time, because the next of that traffic waits for the whole transaction.
 */

/** Records of one transaction, when more wait than one append brings. */
const ROWS_PER_COMMIT = 2_000;
const ONE_APPEND = 1;
/** For so long the last append that may not wait stands for more to come. */
const TRAFFIC_MS = 1_000;

export interface QueuedAppend {
  readonly rows: number;
  readonly mayWait: boolean;
}

export class CommitQueue<A extends QueuedAppend> {
  readonly #first: A[] = [];
  readonly #waiting: A[] = [];
  #firstAt = -Infinity;

  get isEmpty(): boolean {
    return this.#first.length + this.#waiting.length === 0;
  }

  /** @param now milliseconds of a clock that never steps */
  push(append: A, now: number): void {
    if (append.mayWait) this.#waiting.push(append);
    else {
      this.#first.push(append);
      this.#firstAt = now;
    }
  }

  /** Never empty while anything waits; among what waits the oldest is always in it, so that it gets on. */
  next(now: number): A[] {
    const group = takeRows(this.#first, ROWS_PER_COMMIT);
    const rows = group.reduce((sum, append) => sum + append.rows, 0);
    const room = now - this.#firstAt < TRAFFIC_MS ? ONE_APPEND : ROWS_PER_COMMIT - rows;
    return [...group, ...takeRows(this.#waiting, room)];
  }
}

/** Until there are so many rows or more; at least one append. */
const takeRows = <A extends QueuedAppend>(queue: A[], rows: number): A[] => {
  let [count, taken] = [0, 0];
  for (const append of queue) {
    if (count > 0 && taken >= rows) break;
    count += 1;
    taken += append.rows;
  }
  return queue.splice(0, count);
};
