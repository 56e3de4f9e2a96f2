import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binCounts, populationStabilityIndex, quantileEdges, QuantileSketch } from '@shoal/models';

const sketchOf = (values: readonly number[]): QuantileSketch => {
  const sketch = new QuantileSketch();
  for (const value of values) sketch.add(value);
  return sketch;
};
const values = fc.array(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((value) => value === 0 || Math.abs(value) > 1e-6),
  {
    minLength: 1,
    maxLength: 200,
  },
);

describe('a quantile sketch', () => {
  test('is within one percent of the order statistic', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (numbers, share) => {
        const sorted = numbers.toSorted((a, b) => a - b);
        const found = sketchOf(numbers).quantile(share) ?? Number.NaN;
        // A rank within rounding of an integer is on either side of it.
        const ranks = [-1e-9, 1e-9].map((rounding) => Math.floor(share * (sorted.length - 1) + rounding));
        const isNear = ranks.some((rank) => {
          const exact = sorted[Math.max(0, Math.min(rank, sorted.length - 1))] ?? 0;
          return Math.abs(found - exact) <= 0.0101 * Math.abs(exact) + 1e-9;
        });
        expect(isNear ? 'near' : { found, ranks }).toBe('near');
      }),
    );
  });

  test('says the same after a round trip and after a merge of its parts', () => {
    fc.assert(
      fc.property(values, values, (left, right) => {
        const whole = sketchOf([...left, ...right]);
        const merged = QuantileSketch.deserialize(sketchOf(left).serialize());
        merged.merge(QuantileSketch.deserialize(JSON.parse(JSON.stringify(sketchOf(right).serialize()))));
        expect(merged.count).toBe(whole.count);
        for (const share of [0, 0.1, 0.5, 0.99, 1]) expect(merged.quantile(share)).toBe(whole.quantile(share));
      }),
    );
  });

  test('is null when empty, also after a round trip, and ignores what is not finite', () => {
    const empty = sketchOf([Number.NaN, Infinity]);
    expect([empty.count, empty.quantile(0.5), empty.mean()]).toEqual([0, null, null]);
    expect(QuantileSketch.deserialize(empty.serialize()).quantile(0.5)).toBeNull();
    const sketch = sketchOf([3]);
    sketch.merge(empty);
    expect([sketch.count, sketch.quantile(0), sketch.mean()]).toEqual([1, 3, 3]);
  });
});

describe('drift', () => {
  test('is zero for the same shares and the hand-computed index for others', () => {
    expect(populationStabilityIndex([10, 30], [20, 60])).toBe(0);
    expect(populationStabilityIndex([50, 50], [80, 20])).toBeCloseTo(0.3 * Math.log(1.6) + -0.3 * Math.log(0.4), 12);
  });

  test('is finite for empty bins and zero for an empty side', () => {
    expect(populationStabilityIndex([100, 0], [0, 100])).toBeGreaterThan(1);
    expect(populationStabilityIndex([0, 0], [1, 2])).toBe(0);
    expect(() => populationStabilityIndex([1], [1, 2])).toThrow(RangeError);
  });

  test('never falls below zero and does not depend on which side is which', () => {
    const counts = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        expect(populationStabilityIndex(a, b)).toBeGreaterThanOrEqual(-1e-12);
        expect(populationStabilityIndex(a, b)).toBeCloseTo(populationStabilityIndex(b, a), 9);
      }),
    );
  });

  test('is measured over bins that cut the reference evenly', () => {
    const reference = sketchOf(Array.from({ length: 1_000 }, (_, i) => i + 1));
    const edges = quantileEdges(reference, 4);
    edges.forEach((edge, i) => expect(Math.abs(edge - 250 * (i + 1))).toBeLessThan(10));
    expect(binCounts([1, 250, 500.5, 5_000], [250, 500, 750])).toEqual([2, 0, 1, 1]);
    expect(quantileEdges(sketchOf([7, 7, 7]), 10)).toHaveLength(1);
  });
});
