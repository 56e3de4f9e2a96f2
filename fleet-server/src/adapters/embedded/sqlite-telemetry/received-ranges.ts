/**
 * The exact ranges received per epoch: in memory for the epochs that speak, in the table for all, written in the same
 * transaction as the records they stand for.
 */
import { RangeSet, type Range } from './range-set.ts';
import type { Sqlite } from './telemetry-file.ts';

/** Intervals kept in memory over all epochs; about 16 bytes each. */
const INTERVALS_IN_MEMORY = 500_000;

export class ReceivedRanges {
  readonly #sets = new Map<number, RangeSet>();
  readonly #touched = new Map<number, RangeSet>();
  readonly #read;
  readonly #write;
  readonly #remove;

  constructor(db: Sqlite) {
    this.#read = db
      .prepare<[number], Range>('SELECT first, last FROM received WHERE epoch_no = ? ORDER BY first')
      .raw();
    this.#write = db.prepare('INSERT OR REPLACE INTO received (epoch_no, first, last) VALUES (?, ?, ?)');
    this.#remove = db.prepare('DELETE FROM received WHERE epoch_no = ? AND first = ?');
  }

  /** The set may be changed; `persist` and `committed`, or `forgetAll`, must follow. */
  of(epochNo: number): RangeSet {
    const touched = this.#touched.get(epochNo);
    if (touched !== undefined) return touched;
    const set = this.#sets.get(epochNo) ?? new RangeSet(this.#read.all(epochNo));
    // Last used comes last.
    this.#sets.delete(epochNo);
    this.#sets.set(epochNo, set);
    this.#touched.set(epochNo, set);
    return set;
  }

  /** Inside the transaction. */
  persist(): void {
    for (const [epochNo, set] of this.#touched) {
      const { removed, written } = set.takeChanges();
      for (const first of removed) this.#remove.run(epochNo, first);
      for (const [first, last] of written) this.#write.run(epochNo, first, last);
    }
  }

  /** After the commit. */
  committed(): void {
    this.#touched.clear();
    if (this.#sets.size < 2) return;
    let intervals = 0;
    for (const set of this.#sets.values()) intervals += set.size;
    for (const [epochNo, set] of this.#sets) {
      if (intervals <= INTERVALS_IN_MEMORY) break;
      intervals -= set.size;
      this.#sets.delete(epochNo);
    }
  }

  /** After a rollback or a deletion, when memory and table may differ. */
  forgetAll(): void {
    this.#sets.clear();
    this.#touched.clear();
  }
}
