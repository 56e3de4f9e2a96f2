import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { batchFault, halves, planBatch, splitRequest, type Plannable } from '../../src/scheduler/batch-plan.ts';

const part = (patch: Partial<Plannable> = {}): Plannable => ({
  rows: 1,
  bytes: 4,
  group: '',
  deadlineAt: Infinity,
  ...patch,
});
const LIMITS = { maxRows: 8, maxBytes: 1_000, costMs: (rows: number) => 2 + rows };
const plan = (line: readonly Plannable[], limits = LIMITS) => planBatch(line, new Uint8Array(line.length), 0, limits);

const anyPart = fc.record({
  rows: fc.integer({ min: 1, max: 8 }),
  bytes: fc.integer({ min: 1, max: 400 }),
  group: fc.constantFrom('a', 'b', null),
  deadlineAt: fc.oneof(fc.constant(Infinity), fc.integer({ min: 3, max: 40 })),
});

describe('a batch plan', () => {
  test('takes what shares the group of the head and steps over the rest', () => {
    expect(plan([part({ group: 'a' }), part({ group: 'b' }), part({ group: 'a' })]).members).toEqual([0, 2]);
  });

  test('runs what belongs to no group alone', () => {
    expect(plan([part({ group: null }), part({ group: null })]).members).toEqual([0]);
  });

  test('lets nobody overtake for being small', () => {
    expect(plan([part({ rows: 5 }), part({ rows: 5 }), part({ rows: 1 })]).members).toEqual([0]);
  });

  test('stays within the bytes', () => {
    expect(plan([part({ bytes: 600 }), part({ bytes: 600 })]).members).toEqual([0]);
  });

  test('names the head that would be late even alone', () => {
    expect(plan([part({ deadlineAt: 2 }), part()])).toEqual({ members: [0], rows: 1, verdict: 'unmeetable' });
    expect(plan([])).toEqual({ members: [], rows: 0, verdict: 'run' });
  });

  test('keeps every limit and every deadline, and always makes progress', () => {
    fc.assert(
      fc.property(fc.array(anyPart, { minLength: 1, maxLength: 20 }), (line) => {
        const { members, rows, verdict } = plan(line);
        const chosen = members.map((i) => line[i] ?? part());
        expect(members[0]).toBe(0);
        expect(rows).toBe(chosen.reduce((total, one) => total + one.rows, 0));
        expect(new Set(chosen.map(({ group }) => group)).size).toBe(1);
        if (members.length === 1) return;
        expect(rows).toBeLessThanOrEqual(LIMITS.maxRows);
        expect(chosen.reduce((total, one) => total + one.bytes, 0)).toBeLessThanOrEqual(LIMITS.maxBytes);
        expect(Math.min(...chosen.map(({ deadlineAt }) => deadlineAt)) + 0.01).toBeGreaterThan(LIMITS.costMs(rows));
        expect(verdict).toBe('run');
      }),
    );
  });
});

describe('a split', () => {
  test('covers every row once, in order, in as few nearly equal parts as fit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 64 }), (rows, maxRows) => {
        const ranges = splitRequest(rows, maxRows);
        const sizes = ranges.map(([from, to]) => to - from);
        expect(ranges.map(([from]) => from)).toEqual([0, ...ranges.slice(0, -1).map(([, to]) => to)]);
        expect(ranges.at(-1)?.[1]).toBe(rows);
        expect(ranges).toHaveLength(Math.ceil(rows / maxRows));
        expect(Math.max(...sizes)).toBeLessThanOrEqual(maxRows);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('a fault of a batch', () => {
  test('is halved when a run is cheap, tried one by one when it cost a process, and ends where the engine is out', () => {
    expect(batchFault('MODEL_RUN_FAILED')).toBe('bisect');
    expect(batchFault('OUTPUT_NOT_FINITE')).toBe('bisect');
    expect(batchFault('ENGINE_TIMEOUT')).toBe('one-by-one');
    expect(batchFault('MODEL_QUARANTINED')).toBe('engine');
    expect(halves([1, 2, 3])).toEqual([[1], [2, 3]]);
  });
});
