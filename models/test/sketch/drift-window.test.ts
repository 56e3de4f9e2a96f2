import { describe, expect, test } from '@jest/globals';
import { DriftWindow, populationStabilityIndex, QuantileSketch } from '@shoal/models';
import fc from 'fast-check';

const sketchOf = (values: Iterable<number>): QuantileSketch => {
  const sketch = new QuantileSketch();
  for (const value of values) sketch.add(value);
  return sketch;
};
const thousand = Array.from({ length: 1_000 }, (_, i) => i + 1);
const PLAN = { rows: 50, minimumRows: 20, leastRange: 0 };

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
    expect(x).toBeLessThan(0.1);
    expect(y).toBeGreaterThan(1);
  });

  test('forgets what is older than its rows', () => {
    const window = new DriftWindow({ x: sketchOf(thousand) }, PLAN);
    for (let i = 0; i < 300; i += 1) window.add({ x: 5_000 });
    for (let i = 0; i < 50; i += 1) window.add({ x: i * 20 + 10 });
    expect(window.indices()?.['x']).toBeLessThan(0.1);
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

  test('calls a device that is narrower than the reference stable: it is one of those the reference was drawn from', () => {
    const window = new DriftWindow({ x: sketchOf(thousand), same: sketchOf([7, 7, 7]) }, PLAN);
    for (let i = 0; i < 50; i += 1) window.add({ x: 400, same: 7 });
    for (const index of Object.values(window.indices() ?? {})) expect(index).toBeLessThan(0.1);
  });

  test('has no range narrower than what is known to be no change', () => {
    const window = new DriftWindow({ x: sketchOf([0]) }, { ...PLAN, leastRange: 0.5 });
    for (let i = 0; i < 50; i += 1) window.add({ x: i % 2 === 0 ? 0.5 : -0.5 });
    expect(window.indices()?.['x']).toBeLessThan(0.1);
    for (let i = 0; i < 50; i += 1) window.add({ x: 0.51 });
    expect(window.indices()?.['x']).toBeGreaterThan(1);
  });

  test('counts the last rows exactly as a count of all of them does, whatever came before', () => {
    const value = fc.double({ min: -2_000, max: 2_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 20, maxLength: 200 }), (values) => {
        const window = new DriftWindow({ x: sketchOf([0]) }, { ...PLAN, leastRange: 500 });
        for (const x of values) window.add({ x });
        const last = values.slice(-50);
        const count = (holds: (x: number) => boolean): number => last.filter(holds).length;
        const counts = [count((x) => x < -500), count((x) => Math.abs(x) <= 500), count((x) => x > 500)];
        expect(window.indices()?.['x']).toBeCloseTo(populationStabilityIndex([1, 98, 1], counts), 10);
      }),
    );
  });
});
