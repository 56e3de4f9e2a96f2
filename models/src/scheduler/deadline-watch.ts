/** Ends requests within a millisecond or two after their deadlines, with one timer for all of them, and none while nobody waits. */
import type { SchedulerClock } from './scheduler-clock.ts';

interface Watched {
  readonly deadlineAt: number;
  readonly isWanted: boolean;
}

/** Settled entries are thrown out when they are more than the others and this many. */
const SLACK = 64;

export class DeadlineWatch<T extends Watched> {
  readonly #clock: SchedulerClock;
  readonly #onLate: (late: T) => void;
  /** Binary heap, earliest deadline first; may hold settled ones. */
  #heap: T[] = [];
  #live = 0;
  #armedFor = Infinity;
  #disarm: (() => void) | null = null;

  constructor(clock: SchedulerClock, onLate: (late: T) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  add(item: T): void {
    this.#live += 1;
    this.#heap.push(item);
    for (let i = this.#heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (this.#at(parent) <= this.#at(i)) break;
      this.#swap(i, parent);
      i = parent;
    }
    if (item.deadlineAt < this.#armedFor) this.#arm(item.deadlineAt);
  }

  /** To be called once for each that was added, when it is settled. */
  settled(): void {
    this.#live -= 1;
    if (this.#live === 0) {
      this.#heap = [];
      this.#arm(Infinity);
    } else if (this.#heap.length > 2 * this.#live + SLACK)
      this.#heap = this.#heap.filter((item) => item.isWanted).toSorted((a, b) => a.deadlineAt - b.deadlineAt);
  }

  #arm(deadlineAt: number): void {
    this.#disarm?.();
    this.#disarm = null;
    this.#armedFor = deadlineAt;
    if (deadlineAt === Infinity) return;
    this.#disarm = this.#clock.after(Math.max(0, Math.floor(deadlineAt - this.#clock.now())) + 1, () => this.#ring());
  }

  #ring(): void {
    this.#armedFor = Infinity;
    this.#disarm = null;
    const now = this.#clock.now();
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.isWanted && first.deadlineAt >= now) return this.#arm(first.deadlineAt);
      this.#shift();
      if (first.isWanted) this.#onLate(first);
    }
  }

  #shift(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let i = 0; ;) {
      const left = 2 * i + 1;
      const child = this.#at(left + 1) < this.#at(left) ? left + 1 : left;
      if (this.#at(i) <= this.#at(child)) return;
      this.#swap(i, child);
      i = child;
    }
  }

  #at(i: number): number {
    return this.#heap[i]?.deadlineAt ?? Infinity;
  }

  #swap(i: number, j: number): void {
    const [one, other] = [this.#heap[i], this.#heap[j]];
    if (one === undefined || other === undefined) return;
    this.#heap[i] = other;
    this.#heap[j] = one;
  }
}
