import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CostModel } from '../../src/scheduler/cost-model.ts';

const learn = (runs: Iterable<readonly [rows: number, ms: number]>): CostModel => {
  const model = new CostModel();
  for (const [rows, ms] of runs) model.observe(rows, ms);
  return model;
};
const runs = (count: number, msOf: (rows: number, i: number) => number): [number, number][] =>
  Array.from({ length: count }, (_, i) => {
    const rows = 1 + ((i * 7) % 32);
    return [rows, msOf(rows, i)];
  });

describe('a cost model', () => {
  test('believes that everything is free before the first run', () => {
    const model = new CostModel();
    expect([model.expectMs(64), model.marginMs, model.worthwhileRows]).toEqual([0, 0, Infinity]);
  });

  test('finds the line behind exact runs', () => {
    const model = learn(runs(256, (rows) => 3 + 0.5 * rows));
    expect(model.expectMs(1)).toBeCloseTo(3.5, 6);
    expect(model.expectMs(64)).toBeCloseTo(35, 6);
    expect(model.marginMs).toBeCloseTo(0, 6);
    expect(model.worthwhileRows).toBe(27);
  });

  test('is not moved by one run in ten that is fifty times slower', () => {
    const model = learn(runs(256, (rows, i) => (3 + 0.5 * rows) * (i % 10 === 0 ? 50 : 1)));
    expect(model.expectMs(32) / 19).toBeCloseTo(1, 1);
    expect(model.marginMs).toBeGreaterThan(50);
  });

  test('knows the slope of earlier runs while all runs have one size', () => {
    const model = learn([
      [1, 4],
      [64, 67],
    ]);
    for (let i = 0; i < 300; i += 1) model.observe(1, 8);
    expect(model.expectMs(1)).toBeCloseTo(8, 0);
    expect(model.expectMs(64)).toBeGreaterThan(60);
  });

  test('follows an engine that became slower within its memory', () => {
    const model = learn([...runs(256, () => 5), ...runs(256, () => 50)]);
    expect(model.expectMs(1)).toBeCloseTo(50, 6);
  });

  test('is changed soon by new runs when it is doubted', () => {
    const model = learn(runs(256, () => 500));
    model.doubt();
    for (const [rows, ms] of runs(10, () => 5)) model.observe(rows, ms);
    expect(model.expectMs(1)).toBeCloseTo(5, 6);
  });

  test('is never negative and never less for more rows, whatever was measured', () => {
    const run = fc.tuple(
      fc.integer({ min: 0, max: 128 }),
      fc.oneof(fc.double({ min: -5, max: 1e4 }), fc.constant(Number.NaN)),
    );
    fc.assert(
      fc.property(fc.array(run, { maxLength: 400 }), (measured) => {
        const model = learn(measured);
        const times = [0, 1, 2, 8, 64, 500].map((rows) => model.expectMs(rows));
        expect(times).toEqual(times.toSorted((one, other) => one - other));
        expect(Math.min(...times, model.marginMs)).toBeGreaterThanOrEqual(0);
        expect(model.worthwhileRows).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});
