/** Ranges stay exact whatever comes in whatever order, and the changes they report rebuild them elsewhere. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RangeSet } from '../../../../src/adapters/embedded/sqlite-telemetry/range-set.ts';

const sequences = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 120 });

const rangesOf = (members: ReadonlySet<number>): [number, number][] => {
  const ranges: [number, number][] = [];
  for (const value of [...members].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === value - 1) last[1] = value;
    else ranges.push([value, value]);
  }
  return ranges;
};

describe('RangeSet', () => {
  it('holds exactly what was added, as ascending ranges that never touch', () => {
    fc.assert(
      fc.property(sequences, (values) => {
        const set = new RangeSet();
        const oracle = new Set<number>();
        for (const value of values) {
          expect(set.add(value)).toBe(!oracle.has(value));
          oracle.add(value);
        }
        expect(set.toRanges()).toEqual(rangesOf(oracle));
        expect(set.highest).toBe(Math.max(0, ...oracle));
        for (let value = 0; value <= 61; value += 1) expect(set.has(value)).toBe(oracle.has(value));
      }),
    );
  });

  it('reports changes that keep a table equal to it', () => {
    fc.assert(
      fc.property(fc.array(sequences, { maxLength: 6 }), (commits) => {
        const set = new RangeSet();
        const table = new Map<number, number>();
        for (const values of commits) {
          for (const value of values) set.add(value);
          const { removed, written } = set.takeChanges();
          for (const first of removed) table.delete(first);
          for (const [first, last] of written) table.set(first, last);
          expect([...table].toSorted((a, b) => a[0] - b[0])).toEqual(set.toRanges());
        }
      }),
    );
  });

  it('goes on from ranges it was given', () => {
    const set = new RangeSet([
      [1, 3],
      [5, 9],
    ]);
    expect(set.add(4)).toBe(true);
    expect(set.toRanges()).toEqual([[1, 9]]);
    expect(set.takeChanges()).toEqual({ removed: [5], written: [[1, 9]] });
  });
});
