import { describe, expect, it } from '@jest/globals';
import { PRIORITY_CLASSES, type PriorityClass } from '@shoal/protocol';
import fc from 'fast-check';
import {
  LOWEST_FIRST,
  planEviction,
  type EvictableRecord,
  type OutboxBounds,
  type OutboxUsage,
} from '../../src/outbox/eviction-policy.ts';

type Rows = Record<PriorityClass, EvictableRecord[]>;

const rowsArbitrary: fc.Arbitrary<Rows> = fc
  .array(
    fc.record({
      priority: fc.constantFrom(...PRIORITY_CLASSES),
      sizeBytes: fc.integer({ min: 1, max: 400 }),
      createdAt: fc.integer({ min: 0, max: 10_000 }),
    }),
    { maxLength: 120 },
  )
  .map((items) => {
    const rows: Rows = { alarm: [], prediction: [], reading: [], debug: [] };
    const stamps = items.map(({ createdAt }) => createdAt).sort((a, b) => a - b);
    items.forEach(({ priority, sizeBytes }, index) =>
      rows[priority].push({ sequence: index + 1, sizeBytes, createdAt: stamps[index] ?? 0 }),
    );
    return rows;
  });

const limit = fc.integer({ min: 0, max: 40 });
const boundsArbitrary: fc.Arbitrary<OutboxBounds> = fc.record({
  maxBytes: fc.integer({ min: 0, max: 12_000 }),
  maxAgeMs: fc.integer({ min: 0, max: 10_000 }),
  maxRecords: fc.record({ alarm: limit, prediction: limit, reading: limit, debug: limit }),
});

const usageOf = (rows: Rows): OutboxUsage => {
  const of = (list: EvictableRecord[]) => ({ records: list.length, sizeBytes: bytes(list) });
  return { alarm: of(rows.alarm), prediction: of(rows.prediction), reading: of(rows.reading), debug: of(rows.debug) };
};
const bytes = (list: readonly EvictableRecord[]): number => list.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
const total = (rows: Rows): number => PRIORITY_CLASSES.reduce((sum, name) => sum + bytes(rows[name]), 0);

const run = (rows: Rows, bounds: OutboxBounds, now: number | null) => {
  const steps = planEviction({ usage: usageOf(rows), bounds, now, oldest: (name) => rows[name].values() });
  const left: Rows = { ...rows };
  for (const { priority, through, records, sizeBytes } of steps) {
    const gone = left[priority].filter(({ sequence }) => sequence <= through);
    expect({ records: gone.length, sizeBytes: bytes(gone) }).toEqual({ records, sizeBytes });
    left[priority] = left[priority].filter(({ sequence }) => sequence > through);
  }
  return { steps, left };
};

describe('the eviction policy', () => {
  it('counts exactly what its steps delete, and leaves every bound kept', () => {
    fc.assert(
      fc.property(rowsArbitrary, boundsArbitrary, fc.integer({ min: 0, max: 20_000 }), (rows, bounds, now) => {
        const { left } = run(rows, bounds, now);
        for (const name of PRIORITY_CLASSES) {
          expect(left[name].length).toBeLessThanOrEqual(bounds.maxRecords[name]);
          expect(left[name].every(({ createdAt }) => createdAt >= now - bounds.maxAgeMs)).toBe(true);
        }
        expect(total(left)).toBeLessThanOrEqual(bounds.maxBytes);
      }),
    );
  });

  it('gives up bytes from the lowest class first: a higher one only when all lower ones are empty', () => {
    fc.assert(
      fc.property(rowsArbitrary, fc.integer({ min: 0, max: 12_000 }), (rows, maxBytes) => {
        const maxRecords = { alarm: 1_000, prediction: 1_000, reading: 1_000, debug: 1_000 };
        const { steps, left } = run(rows, { maxBytes, maxAgeMs: 0, maxRecords }, null);
        for (const { priority } of steps) {
          const lower = LOWEST_FIRST.slice(0, LOWEST_FIRST.indexOf(priority));
          expect(lower.every((name) => left[name].length === 0)).toBe(true);
        }
      }),
    );
  });

  it('gives up nothing that it need not: putting the last victim back breaks the bound', () => {
    fc.assert(
      fc.property(rowsArbitrary, fc.integer({ min: 0, max: 12_000 }), (rows, maxBytes) => {
        const maxRecords = { alarm: 1_000, prediction: 1_000, reading: 1_000, debug: 1_000 };
        const { steps, left } = run(rows, { maxBytes, maxAgeMs: 0, maxRecords }, null);
        const last = steps.at(-1);
        if (last === undefined) return;
        const victim = rows[last.priority].find(({ sequence }) => sequence === last.through);
        expect(total(left) + (victim?.sizeBytes ?? 0)).toBeGreaterThan(maxBytes);
      }),
    );
  });

  it('finds nothing too old while the clock is not to be trusted', () => {
    const rows: Rows = {
      alarm: [],
      prediction: [],
      debug: [],
      reading: [{ sequence: 1, sizeBytes: 10, createdAt: 0 }],
    };
    const bounds = { maxBytes: 100, maxAgeMs: 1, maxRecords: { alarm: 9, prediction: 9, reading: 9, debug: 9 } };
    expect(run(rows, bounds, null).steps).toEqual([]);
    expect(run(rows, bounds, 1_000_000).steps).toEqual([
      { priority: 'reading', reason: 'age', through: 1, records: 1, sizeBytes: 10 },
    ]);
  });
});
