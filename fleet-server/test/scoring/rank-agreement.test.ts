import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rankCorrelation, rankDistances, ranksOf } from '../../src/scoring/report/rank-agreement.ts';

const lists = fc
  .integer({ min: 5, max: 40 })
  .chain((length) =>
    fc.tuple(
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: length, maxLength: length }),
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: length, maxLength: length }),
    ),
  );

describe('the agreement of two lists of scores', () => {
  test('is Spearman: of ranks, whatever the scale, and the sign turns with one side', () => {
    fc.assert(
      fc.property(lists, ([a, b]) => {
        const found = rankCorrelation(a, b);
        const stretched = rankCorrelation(
          a.map((value) => Math.exp(value / 3)),
          b,
        );
        const turned = rankCorrelation(
          a.map((value) => -value),
          b,
        );
        const isFlat = [a, b].some((values) => new Set(values).size === 1);
        expect(found === undefined).toBe(isFlat);
        if (found === undefined) return;
        expect(Math.abs(found)).toBeLessThanOrEqual(1 + 1e-9);
        expect(stretched).toBeCloseTo(found, 9);
        expect(turned).toBeCloseTo(-found, 9);
      }),
    );
    expect(rankCorrelation([1, 2, 3, 4, 5], [2, 4, 6, 8, 10])).toBeCloseTo(1, 9);
    // Worked by hand: sum of d² is 10, 1 - 6 · 10 / (5 · 24).
    expect(rankCorrelation([1, 2, 3, 4, 5], [3, 1, 2, 5, 4])).toBeCloseTo(0.6, 9);
    expect(rankCorrelation([1, 2, 3, 4], [1, 2, 3, 4])).toBeUndefined();
  });

  test('gives equal values the mean of their places', () => {
    expect(ranksOf([5, 1, 5, 3])).toEqual([3.5, 1, 3.5, 2]);
  });

  test('finds who disagrees, also where high goes with low', () => {
    const edge = [1, 2, 3, 4, 5];
    const health = [5, 4, 3, 2, 6];
    const far = rankDistances(edge, health, -0.5);
    expect(far.indexOf(Math.max(...far))).toBe(4);
    expect(rankDistances(edge, edge, 1)).toEqual([0, 0, 0, 0, 0]);
  });
});
