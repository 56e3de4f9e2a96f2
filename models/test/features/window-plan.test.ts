import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { expectedWindows, hasCoverage, windowStartsContaining, type WindowSpec } from '@shoal/models';

const spec: WindowSpec = { lengthMs: 60_000, hopMs: 10_000, sampleRateHz: 1, minCoverage: 0.5 };
const specs = fc.record({
  lengthMs: fc.integer({ min: 1, max: 200 }),
  hopMs: fc.integer({ min: 1, max: 200 }),
  sampleRateHz: fc.constantFrom(10, 100, 1_000),
  minCoverage: fc.double({ min: 0, max: 1, noNaN: true }),
});
const stamps = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { maxLength: 60 });

describe('the window plan', () => {
  test('aligns windows to multiples of the hop since the epoch', () => {
    expect(windowStartsContaining(60_000, spec)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    expect(windowStartsContaining(59_999, spec)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000]);
    expect(windowStartsContaining(-1, { lengthMs: 10, hopMs: 10 })).toEqual([-10]);
    expect(windowStartsContaining(7, { lengthMs: 5, hopMs: 10 })).toEqual([]);
  });

  test('emits a window when a sample at or after its end has come, never before', () => {
    const minute = Array.from({ length: 60 }, (_, i) => i * 1_000);
    const starts = (stampsMs: number[]) => expectedWindows(stampsMs, spec).map(({ startAt }) => startAt);
    expect(starts(minute)).toEqual([-30_000, -20_000, -10_000]);
    expect(starts([...minute, 60_000])).toEqual([-30_000, -20_000, -10_000, 0]);
    expect(expectedWindows([...minute, 60_000], spec).at(-1)).toEqual({ startAt: 0, endAt: 60_000, count: 60 });
  });

  test('needs coverage, counts repeated stamps, and never emits an empty window', () => {
    expect([29, 30].map((count) => hasCoverage(count, spec))).toEqual([false, true]);
    expect(hasCoverage(0, { ...spec, minCoverage: 0 })).toBe(false);
    const twice = Array.from({ length: 15 }, (_, i) => [i * 1_000, i * 1_000]).flat();
    expect(expectedWindows([...twice, 200_000], spec).find(({ startAt }) => startAt === 0)).toMatchObject({
      count: 30,
    });
  });

  test('names exactly the windows that contain an instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: -5_000, max: 5_000 }), specs, (at, window) => {
        const starts = windowStartsContaining(at, window);
        const wanted: number[] = [];
        for (let k = Math.floor((at - 400) / window.hopMs); k * window.hopMs <= at; k += 1)
          if (at < k * window.hopMs + window.lengthMs) wanted.push(k * window.hopMs);
        expect(starts).toEqual(wanted);
      }),
    );
  });

  test('is the same for any order of the observations', () => {
    fc.assert(
      fc.property(stamps, specs, (at, window) => {
        expect(expectedWindows(at.toReversed(), window)).toEqual(expectedWindows(at, window));
      }),
    );
  });

  test('counts as a plain scan of every window does', () => {
    fc.assert(
      fc.property(stamps, specs, (at, window) => {
        const newest = Math.max(-Infinity, ...at);
        const wanted = [];
        for (let k = Math.floor(-1_400 / window.hopMs); k * window.hopMs <= 1_000; k += 1) {
          const [startAt, endAt] = [k * window.hopMs, k * window.hopMs + window.lengthMs];
          const count = at.filter((stamp) => stamp >= startAt && stamp < endAt).length;
          if (endAt <= newest && hasCoverage(count, window)) wanted.push({ startAt, endAt, count });
        }
        expect(expectedWindows(at, window)).toEqual(wanted);
      }),
    );
  });

  test('never takes back a window when more is observed in order', () => {
    fc.assert(
      fc.property(stamps, specs, fc.nat(), (at, window, cut) => {
        const sorted = at.toSorted((a, b) => a - b);
        const before = expectedWindows(sorted.slice(0, cut % (sorted.length + 1)), window);
        const newest = before.at(-1)?.endAt ?? -Infinity;
        const after = expectedWindows(sorted, window).filter(({ endAt }) => endAt <= newest);
        expect(after).toEqual(before);
      }),
    );
  });
});
