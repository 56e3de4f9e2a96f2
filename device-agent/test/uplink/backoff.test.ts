import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fullJitterMs } from '../../src/uplink/backoff.ts';

const bounds = { firstMs: 1_000, maxMs: 120_000 };
const attempts = fc.integer({ min: 0, max: 100_000 });

describe('the backoff', () => {
  it('is never negative and never above its bound', () => {
    fc.assert(
      fc.property(attempts, fc.double({ min: 0, max: 0.999_999, noNaN: true }), (attempt, chance) => {
        const waitMs = fullJitterMs(bounds, attempt, () => chance);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(Math.min(120_000, 1_000 * 2 ** attempt));
      }),
    );
  });

  it('uses all of its range: the wait is proportional to chance', () => {
    fc.assert(
      fc.property(attempts, (attempt) => {
        const full = fullJitterMs(bounds, attempt, () => 1);
        expect(fullJitterMs(bounds, attempt, () => 0)).toBe(0);
        expect(fullJitterMs(bounds, attempt, () => 0.25)).toBeCloseTo(full / 4);
      }),
    );
  });

  it('doubles from the first bound to the last', () => {
    const full = [0, 1, 2, 3, 6, 7, 8].map((attempt) => fullJitterMs(bounds, attempt, () => 1));
    expect(full).toEqual([1_000, 2_000, 4_000, 8_000, 64_000, 120_000, 120_000]);
  });
});
