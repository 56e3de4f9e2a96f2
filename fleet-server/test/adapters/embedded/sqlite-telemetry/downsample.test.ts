/** A chart keeps its extremes at any zoom. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChannelSeries } from '../../../../src/adapters/embedded/sqlite-telemetry/downsample.ts';

const samples = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 999 }), fc.double({ noNaN: true, noDefaultInfinity: true })),
  { minLength: 1, maxLength: 300 },
);

describe('ChannelSeries', () => {
  it('never gives more points than asked, in order of time, each of them a sample', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 2, max: 40 }), (points, limit) => {
        const series = new ChannelSeries(0, 1_000, limit);
        for (const [at, value] of points) series.add(at, value);
        const kept = series.toPoints();
        expect(kept.length).toBeLessThanOrEqual(limit);
        expect(kept.map(([at]) => at)).toEqual(kept.map(([at]) => at).toSorted((a, b) => a - b));
        for (const point of kept) expect(points).toContainEqual(point);
        expect(series.isDownsampled).toBe(points.length > limit);
      }),
    );
  });

  it('keeps the lowest and the highest value of all', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 2, max: 40 }), (points, limit) => {
        const series = new ChannelSeries(0, 1_000, limit);
        for (const [at, value] of points) series.add(at, value);
        const all = points.map(([, value]) => value);
        const kept = series.toPoints().map(([, value]) => value);
        expect(Math.max(...kept)).toBe(Math.max(...all));
        expect(Math.min(...kept)).toBe(Math.min(...all));
      }),
    );
  });
});
