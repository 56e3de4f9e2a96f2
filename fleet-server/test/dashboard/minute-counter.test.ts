/** The minute counter against the obvious way to count. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MinuteCounter } from '../../src/dashboard/minute-counter.ts';

describe('the minute counter', () => {
  it('counts what fell into the last sixty seconds', () => {
    const step = fc.record({ afterMs: fc.oneof(fc.nat(2_000), fc.nat(100_000)), amount: fc.nat(50) });
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.array(step, { maxLength: 40 }), fc.nat(90_000), (startedAt, steps, pause) => {
        const counter = new MinuteCounter(startedAt);
        const added: { at: number; amount: number }[] = [];
        let now = startedAt;
        for (const { afterMs, amount } of steps) {
          now += afterMs;
          counter.add(now, amount);
          added.push({ at: now, amount });
        }
        now += pause;
        const second = (at: number): number => Math.floor(at / 1_000);
        const recent = added.filter(({ at }) => second(at) > second(now) - 60);
        const expected = recent.reduce((sum, { amount }) => sum + amount, 0);
        expect(counter.total(now)).toBe(expected);
        const elapsed = Math.min(60, Math.max(1, (now - startedAt) / 1_000));
        expect(counter.perSecond(now)).toBeCloseTo(expected / elapsed);
      }),
    );
  });
});
