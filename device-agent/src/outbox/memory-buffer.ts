/** Records on their way to the outbox file: in order, bounded, giving up the oldest of the lowest class when full. */
import type { PriorityClass } from '@shoal/protocol/wire';
import { addDrops, NO_DROPS } from './drop-counts.ts';
import { LOWEST_FIRST } from './eviction-policy.ts';
import type { RecordToStore } from './outbox-messages.ts';
import type { DropCounts } from './outbox.port.ts';

export interface MemoryBounds {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

export class MemoryBuffer {
  readonly #bounds: MemoryBounds;
  #records: RecordToStore[] = [];
  #sizeBytes = 0;

  constructor(bounds: MemoryBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#records.length;
  }

  /** The share of its tighter bound that is used, 0 to 1. */
  get fill(): number {
    return Math.max(this.#records.length / this.#bounds.maxRecords, this.#sizeBytes / this.#bounds.maxBytes);
  }

  get hasAlarm(): boolean {
    return this.#records.some(({ priority }) => priority === 'alarm');
  }

  /** Returns what had to go for it: `memory` drops, exact. */
  add(record: RecordToStore): DropCounts {
    this.#records.push(record);
    this.#sizeBytes += record.sizeBytes;
    return this.#shrink();
  }

  /** The oldest records, at most `limit`, no longer in the buffer. */
  take(limit: number): RecordToStore[] {
    const taken = this.#records.splice(0, limit);
    this.#sizeBytes -= bytesOf(taken);
    return taken;
  }

  /** Taken records that could not be stored come back in front of younger ones. */
  putBack(records: readonly RecordToStore[]): DropCounts {
    this.#records = [...records, ...this.#records];
    this.#sizeBytes += bytesOf(records);
    return this.#shrink();
  }

  #shrink(): DropCounts {
    let dropped: DropCounts = NO_DROPS;
    while (this.#records.length > this.#bounds.maxRecords || this.#sizeBytes > this.#bounds.maxBytes) {
      const index = this.#lowestOldest();
      const [gone] = this.#records.splice(index, 1);
      if (gone === undefined) return dropped;
      this.#sizeBytes -= gone.sizeBytes;
      dropped = addDrops(dropped, gone.priority, 'memory', 1);
    }
    return dropped;
  }

  #lowestOldest(): number {
    const oldestOf = (priority: PriorityClass): number =>
      this.#records.findIndex((record) => record.priority === priority);
    return LOWEST_FIRST.map(oldestOf).find((index) => index >= 0) ?? 0;
  }
}

const bytesOf = (records: readonly RecordToStore[]): number =>
  records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
