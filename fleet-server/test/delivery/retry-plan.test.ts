/** When a delivery is tried again: pauses that double within bounds, what the receiver asks for, and an end. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextAttemptAt, retryAfterMs } from '../../src/delivery/retry-plan.ts';

const RULES = { firstRetryMs: 5_000, longestRetryMs: 3_600_000, giveUpMs: 86_400_000 };
const tried = { roundStartedAt: 0, now: 0, retryAfterMs: null, random: 1 };

describe('the next attempt', () => {
  it('is twice as far away each time, up to the longest pause', () => {
    const pauses = [1, 2, 3, 10, 11, 40].map((attempts) => nextAttemptAt({ ...tried, attempts }, RULES));
    expect(pauses).toEqual([5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000]);
  });

  it('comes between half of its pause and all of it, and never after the end', () => {
    fc.assert(
      fc.property(
        fc.record({
          attempts: fc.integer({ min: 1, max: 100 }),
          now: fc.integer({ min: 0, max: RULES.giveUpMs }),
          random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          retryAfterMs: fc.option(fc.integer({ min: 0, max: 100_000_000 })),
        }),
        (case_) => {
          const at = nextAttemptAt({ ...tried, ...case_ }, RULES);
          const pause = Math.min(RULES.longestRetryMs, RULES.firstRetryMs * 2 ** (case_.attempts - 1));
          const earliest = case_.now + Math.max(pause / 2, case_.retryAfterMs ?? 0);
          const latest = Math.ceil(case_.now + Math.max(pause, case_.retryAfterMs ?? 0));
          const isInTime =
            at === null ? latest > RULES.giveUpMs : at >= earliest && at <= Math.min(latest, RULES.giveUpMs);
          expect(isInTime).toBe(true);
        },
      ),
    );
  });
});

describe('Retry-After', () => {
  it('is seconds or a date', () => {
    expect(retryAfterMs('120', 0)).toBe(120_000);
    expect(retryAfterMs('Thu, 01 Jan 1970 00:01:00 GMT', 10_000)).toBe(50_000);
    expect(retryAfterMs('Thu, 01 Jan 1970 00:01:00 GMT', 90_000)).toBe(0);
    expect([retryAfterMs(undefined, 0), retryAfterMs('soon', 0), retryAfterMs('-5', 0)]).toEqual([null, null, null]);
  });
});
