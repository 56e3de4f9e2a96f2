import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { alignedSchedule, nextTick } from '../../src/sensors/tick-schedule.ts';

const rates = fc.double({ min: 0.01, max: 1_000, noNaN: true });

describe('the ticks of a polled sensor', () => {
  it('begin on a whole multiple of the period since the epoch, at most one period away', () => {
    fc.assert(
      fc.property(
        rates,
        fc.integer({ min: 0, max: 2e12 }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (rate, now, mono) => {
          const { firstDueAt, periodMs } = alignedSchedule(rate, now, mono);
          const waitMs = firstDueAt - mono;
          expect(waitMs).toBeGreaterThanOrEqual(0);
          expect(waitMs).toBeLessThanOrEqual(periodMs);
          const offset = (now + waitMs) % periodMs;
          expect(Math.min(offset, periodMs - offset)).toBeLessThan(1e-3);
        },
      ),
    );
  });

  it('never drift, never come twice, and account for every one that passed', () => {
    const delays = fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { maxLength: 50 });
    fc.assert(
      fc.property(delays, (workMs) => {
        const schedule = { firstDueAt: 1_000, periodMs: 10 };
        let now = 1_000;
        let lastIndex = -1;
        let taken = 0;
        let skipped = 0;
        for (const ms of workMs) {
          const tick = nextTick(schedule, lastIndex, now);
          expect(tick.index).toBeGreaterThan(lastIndex);
          expect(tick.dueAt).toBe(1_000 + tick.index * 10);
          // Late by less than one period: what is later has become another tick.
          expect(now - tick.dueAt).toBeLessThan(10);
          lastIndex = tick.index;
          taken += 1;
          skipped += tick.skipped;
          now = Math.max(now, tick.dueAt) + ms;
        }
        expect(taken + skipped).toBe(lastIndex + 1);
      }),
    );
  });
});
