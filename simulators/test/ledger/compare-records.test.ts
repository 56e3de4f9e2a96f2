/** The ledger sees every kind of disagreement, and none where there is none. */
import { expect, test } from '@jest/globals';
import type { Lane, Reading } from '@shoal/protocol';
import { compareRecords, keyOf, type LedgerEntry, type StoredEntry } from '../../src/ledger/compare-records.ts';
import { contentHash } from '../../src/ledger/content-hash.ts';
import { agrees } from '../../src/ledger/findings.ts';

const EPOCH = '0123456789abcdef0123';
const reading = (sequence: number, value = 0.1): Reading => ({
  sequence,
  observedAt: 1_000 + sequence,
  source: 'pump',
  values: { Pressure: value, Current: null },
});
const truthOf = (sequences: readonly number[], lane: Lane = 'live') =>
  new Map(
    sequences.map((sequence): [string, LedgerEntry] => [
      keyOf({ epoch: EPOCH, sequence }),
      {
        epoch: EPOCH,
        sequence,
        kind: 'readings',
        class: 'reading',
        lane,
        observedAt: 1_000 + sequence,
        hash: contentHash('readings', reading(sequence)),
      },
    ]),
  );
const stored = (sequence: number, receivedAt: number, value = 0.1) => ({
  kind: 'readings' as const,
  entry: {
    ...reading(sequence, value),
    deviceId: 'pump-1',
    epoch: EPOCH,
    receivedAt,
    eventAt: receivedAt,
    clock: 'good',
  } as StoredEntry,
});
const ranges = (...intervals: [number, number][]) => ({
  deviceId: 'pump-1',
  epochs: [{ epoch: EPOCH, ranges: intervals, count: intervals.reduce((sum, [a, b]) => sum + b - a + 1, 0) }],
});

test('the same story on both sides agrees', () => {
  const records = [stored(1, 5), stored(2, 6)];
  const findings = compareRecords('pump-1', truthOf([1, 2]), { records, ranges: ranges([1, 2]) });
  expect(findings).toMatchObject({ produced: 2, stored: 2, examples: [] });
  expect(agrees(findings)).toBe(true);
});

test.each([
  ['lost', [stored(1, 5)], ranges([1, 1]), { lost: 1, stored: 1 }],
  ['duplicated', [stored(1, 5), stored(2, 6), stored(2, 6)], ranges([1, 2]), { duplicated: 1, stored: 2 }],
  ['altered', [stored(1, 5), stored(2, 6, 0.2)], ranges([1, 2]), { altered: 1 }],
  ['never made', [stored(1, 5), stored(2, 6), stored(3, 7)], ranges([1, 3]), { unexpected: 1, stored: 2 }],
  ['out of order', [stored(1, 7), stored(2, 6)], ranges([1, 2]), { misordered: 1 }],
  ['ranges and records disagree', [stored(1, 5), stored(2, 6)], ranges([1, 3]), { rangesDisagree: 1 }],
])('a record that is %s is found and named', (what, records, received, expected) => {
  const findings = compareRecords('pump-1', truthOf([1, 2]), { records, ranges: received });
  expect(findings).toMatchObject(expected);
  expect(agrees(findings)).toBe(false);
  expect(findings.examples).toEqual([expect.stringContaining(what)]);
});

test('backlog and live have orders of their own', () => {
  const truth = new Map([...truthOf([1], 'backlog'), ...truthOf([2])]);
  const records = [stored(1, 9), stored(2, 6)];
  expect(compareRecords('pump-1', truth, { records, ranges: ranges([1, 2]) }).misordered).toBe(0);
});
