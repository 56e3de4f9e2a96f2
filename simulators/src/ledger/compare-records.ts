/** Compares what one device made with what the server holds of it, record by record, by key. */
import type { AnyRecord, Lane, PriorityClass, ReceivedRanges, RecordKind } from '@shoal/protocol';
import { contentHash } from './content-hash.ts';
import { EXAMPLES, type Findings } from './findings.ts';

/** One record as its device made it. */
export interface LedgerEntry {
  readonly epoch: string;
  readonly sequence: number;
  readonly kind: RecordKind;
  readonly class: PriorityClass;
  readonly lane: Lane;
  readonly observedAt: number;
  readonly hash: string;
}

/** One record as the server gives it. */
export type StoredEntry = AnyRecord & { readonly epoch: string; readonly receivedAt: number };

export interface StoredHistory {
  readonly records: readonly { readonly kind: RecordKind; readonly entry: StoredEntry }[];
  readonly ranges: ReceivedRanges;
}

/** `epoch/sequence`: the key within one device. */
export const keyOf = (entry: { readonly epoch: string; readonly sequence: number }): string =>
  `${entry.epoch}/${entry.sequence}`;

/** Records whose receipt is before that of a predecessor in the same (epoch, class, lane). */
const misorderedKeys = (
  truth: ReadonlyMap<string, LedgerEntry>,
  receivedAt: ReadonlyMap<string, number>,
): readonly string[] => {
  const newest = new Map<string, number>();
  const found: string[] = [];
  const inSequence = [...truth.values()].sort((a, b) => a.sequence - b.sequence);
  for (const entry of inSequence) {
    const at = receivedAt.get(keyOf(entry));
    if (at === undefined) continue;
    const stream = `${entry.epoch}/${entry.class}/${entry.lane}`;
    const before = newest.get(stream) ?? 0;
    if (at < before) found.push(keyOf(entry));
    newest.set(stream, Math.max(before, at));
  }
  return found;
};

const keysOfRanges = (ranges: ReceivedRanges): ReadonlySet<string> => {
  const keys = new Set<string>();
  for (const { epoch, ranges: intervals } of ranges.epochs) {
    for (const [first, last] of intervals) {
      for (let sequence = first; sequence <= last; sequence += 1) keys.add(keyOf({ epoch, sequence }));
    }
  }
  return keys;
};

/** Every kind and the ranges beside the records; epochs the ledger knows nothing of (earlier runs on the same data) are left out. */
export const compareRecords = (
  deviceId: string,
  truth: ReadonlyMap<string, LedgerEntry>,
  history: StoredHistory,
): Findings => {
  const epochs = new Set([...truth.values()].map(({ epoch }) => epoch));
  const records = history.records.filter(({ entry }) => epochs.has(entry.epoch));
  const ranges = { ...history.ranges, epochs: history.ranges.epochs.filter(({ epoch }) => epochs.has(epoch)) };
  const examples: string[] = [];
  const say = (what: string, keys: readonly string[]): number => {
    for (const key of keys.slice(0, EXAMPLES)) examples.push(`${deviceId} ${key}: ${what}`);
    return keys.length;
  };
  const receivedAt = new Map<string, number>();
  const duplicated: string[] = [];
  const altered: string[] = [];
  const unexpected: string[] = [];
  for (const { kind, entry } of records) {
    const key = keyOf(entry);
    const made = truth.get(key);
    if (receivedAt.has(key)) duplicated.push(key);
    else if (made === undefined) unexpected.push(key);
    else if (made.kind !== kind || made.hash !== contentHash(kind, entry)) altered.push(key);
    receivedAt.set(key, Math.min(entry.receivedAt, receivedAt.get(key) ?? Infinity));
  }
  const claimed = keysOfRanges(ranges);
  const disagreeing = [
    ...[...claimed].filter((key) => !receivedAt.has(key)),
    ...[...receivedAt.keys()].filter((key) => !claimed.has(key)),
  ];
  return {
    produced: truth.size,
    stored: [...truth.keys()].filter((key) => receivedAt.has(key)).length,
    lost: say(
      'lost',
      [...truth.keys()].filter((key) => !receivedAt.has(key)),
    ),
    duplicated: say('duplicated', duplicated),
    altered: say('altered', altered),
    unexpected: say('never made', unexpected),
    misordered: say('out of order', misorderedKeys(truth, receivedAt)),
    rangesDisagree: say('ranges and records disagree', disagreeing),
    examples: examples.slice(0, EXAMPLES),
  };
};
