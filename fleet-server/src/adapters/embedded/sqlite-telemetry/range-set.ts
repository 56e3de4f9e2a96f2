/** Closed intervals of integers, ascending and never touching: which sequences of one epoch were received. */

export type Range = readonly [first: number, last: number];

/** What has to be written so that the table equals the set again. */
export interface RangeChanges {
  /** First members of intervals that are no longer. */
  readonly removed: readonly number[];
  readonly written: readonly Range[];
}

export class RangeSet {
  readonly #firsts: number[];
  readonly #lasts: number[];
  readonly #removed = new Set<number>();
  readonly #changed = new Set<number>();

  /** @param ranges as `toRanges` gives them */
  constructor(ranges: Iterable<Range> = []) {
    this.#firsts = [];
    this.#lasts = [];
    for (const [first, last] of ranges) {
      this.#firsts.push(first);
      this.#lasts.push(last);
    }
  }

  get size(): number {
    return this.#firsts.length;
  }

  /** 0 when empty. */
  get highest(): number {
    return this.#lasts.at(-1) ?? 0;
  }

  has(value: number): boolean {
    const index = this.#intervalFrom(value);
    return index >= 0 && value <= (this.#lasts[index] ?? 0);
  }

  /** @returns false when it was in already */
  add(value: number): boolean {
    const index = value > this.highest ? this.#firsts.length - 1 : this.#intervalFrom(value);
    const last = index >= 0 ? (this.#lasts[index] ?? 0) : Number.NEGATIVE_INFINITY;
    if (value <= last) return false;
    const touchesBelow = last === value - 1;
    const touchesAbove = this.#firsts[index + 1] === value + 1;
    if (touchesBelow && touchesAbove) this.#join(index);
    else if (touchesBelow) this.#extend(index, value);
    else if (touchesAbove) this.#prepend(index + 1, value);
    else this.#insert(index + 1, value);
    return true;
  }

  toRanges(): Range[] {
    return this.#firsts.map((first, index) => [first, this.#lasts[index] ?? first]);
  }

  /** What changed since the last call. */
  takeChanges(): RangeChanges {
    const removed = [...this.#removed];
    const written: Range[] = [];
    for (const first of this.#changed) written.push([first, this.#lasts[this.#intervalFrom(first)] ?? first]);
    this.#removed.clear();
    this.#changed.clear();
    return { removed, written };
  }

  #extend(index: number, value: number): void {
    this.#lasts[index] = value;
    this.#touch(this.#firsts[index] ?? value);
  }

  #prepend(index: number, value: number): void {
    this.#forget(this.#firsts[index] ?? value);
    this.#firsts[index] = value;
    this.#touch(value);
  }

  #insert(index: number, value: number): void {
    this.#firsts.splice(index, 0, value);
    this.#lasts.splice(index, 0, value);
    this.#touch(value);
  }

  /** The value at `index + 1` closes the gap between two intervals. */
  #join(index: number): void {
    this.#forget(this.#firsts[index + 1] ?? 0);
    this.#lasts[index] = this.#lasts[index + 1] ?? 0;
    this.#firsts.splice(index + 1, 1);
    this.#lasts.splice(index + 1, 1);
    this.#touch(this.#firsts[index] ?? 0);
  }

  #touch(first: number): void {
    this.#removed.delete(first);
    this.#changed.add(first);
  }

  #forget(first: number): void {
    this.#changed.delete(first);
    this.#removed.add(first);
  }

  /** Index of the last interval that begins at or below `value`; -1 when there is none. */
  #intervalFrom(value: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#firsts[middle] ?? 0) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
