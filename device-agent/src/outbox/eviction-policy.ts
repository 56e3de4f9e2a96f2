/** Decides which records an outbox over its bounds gives up: the oldest of the lowest class first, and exactly how many. */
import type { PriorityClass } from '@shoal/protocol/wire';
import type { DropReason } from './outbox.port.ts';
import { CLASS_CODES } from './record-codes.ts';

export interface OutboxBounds {
  /** Of record content over all classes. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly maxRecords: Readonly<Record<PriorityClass, number>>;
}

export interface ClassUsage {
  readonly records: number;
  readonly sizeBytes: number;
}
export type OutboxUsage = Readonly<Record<PriorityClass, ClassUsage>>;

export interface EvictableRecord {
  readonly sequence: number;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch by the device's clock. */
  readonly createdAt: number;
}

/** Delete every record of the class up to and including `through`. */
export interface EvictionStep {
  readonly priority: PriorityClass;
  readonly reason: DropReason;
  readonly through: number;
  readonly records: number;
  readonly sizeBytes: number;
}

export interface EvictionInput {
  readonly usage: OutboxUsage;
  readonly bounds: OutboxBounds;
  /** Null when the clock is not to be trusted: then nothing is too old. */
  readonly now: number | null;
  /** Ascending sequence; read only as far as needed. */
  readonly oldest: (priority: PriorityClass) => Iterator<EvictableRecord>;
}

export const LOWEST_FIRST: readonly PriorityClass[] = [...CLASS_CODES].reverse();

/** Walks one class from its oldest record, and remembers what is left. */
class ClassWalk {
  readonly priority: PriorityClass;
  readonly #records: Iterator<EvictableRecord>;
  #head: EvictableRecord | undefined;
  left: number;
  leftBytes: number;

  constructor(priority: PriorityClass, usage: ClassUsage, records: Iterator<EvictableRecord>) {
    this.priority = priority;
    this.left = usage.records;
    this.leftBytes = usage.sizeBytes;
    this.#records = records;
  }

  /** One step that takes records as long as `wanted` says so, or none. */
  take(reason: DropReason, wanted: (record: EvictableRecord) => boolean): EvictionStep | undefined {
    let step: EvictionStep | undefined;
    for (let record = this.#peek(); record !== undefined && wanted(record); record = this.#peek()) {
      this.#head = undefined;
      this.left -= 1;
      this.leftBytes -= record.sizeBytes;
      step = {
        priority: this.priority,
        reason,
        through: record.sequence,
        records: (step?.records ?? 0) + 1,
        sizeBytes: (step?.sizeBytes ?? 0) + record.sizeBytes,
      };
    }
    return step;
  }

  close(): void {
    this.#records.return?.();
  }

  #peek(): EvictableRecord | undefined {
    if (this.#head === undefined && this.left > 0) {
      const next = this.#records.next();
      this.#head = next.done === true ? undefined : next.value;
    }
    return this.#head;
  }
}

/**
 * Steps in order of execution: what is too old, then what is too many of its class, then bytes from the lowest class
 * upwards. After them every bound holds; no class above one that still has records gave any for its bytes.
 */
export const planEviction = ({ usage, bounds, now, oldest }: EvictionInput): EvictionStep[] => {
  const walks = LOWEST_FIRST.map((priority) => new ClassWalk(priority, usage[priority], oldest(priority)));
  const totalBytes = (): number => walks.reduce((sum, walk) => sum + walk.leftBytes, 0);
  const expired = ({ createdAt }: EvictableRecord): boolean => now !== null && createdAt < now - bounds.maxAgeMs;
  const steps = [
    ...walks.map((walk) => walk.take('age', expired)),
    ...walks.map((walk) => walk.take('count', () => walk.left > bounds.maxRecords[walk.priority])),
    ...walks.map((walk) => walk.take('bytes', () => totalBytes() > bounds.maxBytes)),
  ];
  for (const walk of walks) walk.close();
  return steps.filter((step) => step !== undefined);
};
