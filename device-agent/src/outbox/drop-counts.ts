/** Adds up records lost by class and reason. */
import type { PriorityClass } from '@shoal/protocol/wire';
import { DROP_REASONS, type DropCounts, type DropReason } from './outbox.port.ts';
import { CLASS_CODES } from './record-codes.ts';

export const NO_DROPS: DropCounts = Object.freeze({});

/** `records` more of one class and reason; the argument is not changed. */
export const addDrops = (
  counts: DropCounts,
  priority: PriorityClass,
  reason: DropReason,
  records: number,
): DropCounts => ({
  ...counts,
  [priority]: { ...counts[priority], [reason]: (counts[priority]?.[reason] ?? 0) + records },
});

export interface DropEntry {
  readonly priority: PriorityClass;
  readonly reason: DropReason;
  readonly records: number;
}

/** The entries above zero, highest class first. */
export const dropEntries = (counts: DropCounts): DropEntry[] =>
  CLASS_CODES.flatMap((priority) =>
    DROP_REASONS.map((reason) => ({ priority, reason, records: counts[priority]?.[reason] ?? 0 })),
  ).filter(({ records }) => records > 0);

export const mergeDrops = (a: DropCounts, b: DropCounts): DropCounts =>
  dropEntries(b).reduce((sum, { priority, reason, records }) => addDrops(sum, priority, reason, records), a);

/** `records` fewer of one class, from whichever reasons it has: what was evicted in flight arrived after all. Never below zero. */
export const takeBackDrops = (counts: DropCounts, priority: PriorityClass, records: number): DropCounts => {
  let left = records;
  let remaining = counts;
  for (const reason of DROP_REASONS) {
    const taken = Math.min(left, counts[priority]?.[reason] ?? 0);
    if (taken > 0) remaining = addDrops(remaining, priority, reason, -taken);
    left -= taken;
  }
  return remaining;
};

/** Over all classes and reasons. */
export const totalDrops = (counts: DropCounts): number =>
  dropEntries(counts).reduce((sum, { records }) => sum + records, 0);
