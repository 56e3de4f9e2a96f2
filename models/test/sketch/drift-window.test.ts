import { describe, expect, test } from '@jest/globals';
import { binCounts, DriftWindow, populationStabilityIndex, QuantileSketch } from '@shoal/models';
import fc from 'fast-check';

const sketchOf = (values: Iterable<number>): QuantileSketch => {
  const sketch = new QuantileSketch();
  for (const value of values) sketch.add(value);
  return sketch;
};
const thousand = Array.from({ length: 1_000 }, (_, i) => i + 1);
const PLAN = { rows: 50, minimumRows: 20, bins: 5 };

describe('a drift window', () => {
  test('says nothing before it has its minimum of rows', () => {
    const window = new DriftWindow({ x: sketchOf(thousand) }, PLAN);
    for (let i = 0; i < 19; i += 1) window.add({ x: i * 50 });
    expect(window.indices()).toBeUndefined();
    window.add({ x: 500 });
    expect(window.indices()).toBeDefined();
  });

  test('is near zero for the distribution of the reference and large for another', () => {
    const window = new DriftWindow({ x: sketchOf(thousand), y: sketchOf(thousand) }, PLAN);
    for (let i = 0; i < 50; i += 1) window.add({ x: i * 20 + 10, y: 2_000 });
    const { x = NaN, y = NaN } = window.indices() ?? {};
    expect(x).toBeLessThan(0.05);
    expect(y).toBeGreaterThan(1);
  });

  test('forgets what is older than its rows', () => {
    const window = new DriftWindow({ x: sketchOf(thousand) }, PLAN);
    for (let i = 0; i < 300; i += 1) window.add({ x: 5_000 });
    for (let i = 0; i < 50; i += 1) window.add({ x: i * 20 + 10 });
    expect(window.indices()?.['x']).toBeLessThan(0.05);
    expect(window.rows).toBe(50);
  });

  test('forgets all when it is cleared, and leaves out a reference without a value', () => {
    const window = new DriftWindow({ x: sketchOf(thousand), none: sketchOf([]) }, PLAN);
    for (let i = 0; i < 60; i += 1) window.add({ x: 1 });
    expect(Object.keys(window.indices() ?? {})).toEqual(['x']);
    window.clear();
    expect(window.indices()).toBeUndefined();
    expect(window.rows).toBe(0);
  });

  test('counts the last rows exactly as a count of all of them does, whatever came before', () => {
    const value = fc.double({ min: -2_000, max: 2_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 20, maxLength: 200 }), (values) => {
        const window = new DriftWindow({ x: sketchOf([1, 2, 3, 4]) }, { ...PLAN, bins: 2 });
        for (const x of values) window.add({ x });
        const edge = sketchOf([1, 2, 3, 4]).quantile(0.5) ?? 0;
        const expected = populationStabilityIndex([1, 1], binCounts(values.slice(-50), [edge]));
        expect(window.indices()?.['x']).toBeCloseTo(expected, 10);
      }),
    );
  });
});
