/**
 * Which appends are written next, and whether the transaction ends with them. Beside traffic that may not wait, what may wait goes one
 * append at a time into a transaction that stays open until the next of that traffic ends it: both wait for the disk once, and what may
 * not wait never for a sync that is not its own.
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

interface Next<A> {
  readonly group: readonly A[];
  /** The transaction ends with them. */
  readonly isLast: boolean;
}

export class CommitQueue<A extends QueuedAppend> {
  readonly #first: A[] = [];
  readonly #waiting: A[] = [];
  #firstAt = -Infinity;
  #wasFirst = false;
  /** Of the transaction that is open. */
  #openRows = 0;

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

  /** Never empty while anything waits; where both kinds wait they take turns. */
  next(now: number): Next<A> {
    if (now - this.#firstAt >= TRAFFIC_MS) return this.#ended(this.#all());
    this.#wasFirst = this.#first.length > 0 && (!this.#wasFirst || this.#waiting.length === 0);
    if (this.#wasFirst) return this.#ended(takeRows(this.#first, ROWS_PER_COMMIT));
    const group = takeRows(this.#waiting, ONE_APPEND);
    this.#openRows += rowsOf(group);
    return this.#openRows < ROWS_PER_COMMIT ? { group, isLast: false } : this.#ended(group);
  }

  #all(): A[] {
    const group = takeRows(this.#first, ROWS_PER_COMMIT);
    return [...group, ...takeRows(this.#waiting, ROWS_PER_COMMIT - rowsOf(group))];
  }

  #ended(group: readonly A[]): Next<A> {
    this.#openRows = 0;
    return { group, isLast: true };
  }
}

const rowsOf = (appends: readonly QueuedAppend[]): number => appends.reduce((sum, { rows }) => sum + rows, 0);

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
