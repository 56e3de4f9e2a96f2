import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideRestart, type RestartPolicy } from '../../../src/engine/child/restart-policy.ts';

const policy: RestartPolicy = { maxLosses: 4, windowMs: 1_000, firstDelayMs: 10, maxDelayMs: 30 };

describe('the restart policy', () => {
  test('starts at once when nothing was lost lately', () => {
    expect(decideRestart([], 5_000, policy, 0)).toEqual({ action: 'start', delayMs: 0 });
    expect(decideRestart([100, 4_000], 5_000, policy, 0)).toEqual({ action: 'start', delayMs: 0 });
  });

  test('doubles the delay up to its bound and counts the time already passed', () => {
    expect(decideRestart([5_000], 5_000, policy, 1)).toEqual({ action: 'start', delayMs: 10 });
    expect(decideRestart([5_000, 5_000], 5_000, policy, 1)).toEqual({ action: 'start', delayMs: 20 });
    expect(decideRestart([5_000, 5_000, 5_000], 5_000, policy, 1)).toEqual({ action: 'start', delayMs: 30 });
    expect(decideRestart([5_000, 5_000, 5_000], 5_025, policy, 1)).toEqual({ action: 'start', delayMs: 5 });
  });

  test('rests until the oldest loss is out of the window', () => {
    expect(decideRestart([5_000, 5_001, 5_002, 5_003], 5_004, policy, 0)).toEqual({ action: 'rest', untilMs: 6_000 });
    expect(decideRestart([5_000, 5_001, 5_002, 5_003], 6_000, policy, 0).action).toBe('start');
  });

  test('never waits longer than its bound, whatever was lost', () => {
    const losses = fc
      .array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 3 })
      .map((at) => at.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(losses, fc.double({ min: 0, max: 1, noNaN: true }), (lossesAt, random) => {
        const decision = decideRestart(lossesAt, 10_000, policy, random);
        expect(decision.action).toBe('start');
        expect(decision.action === 'start' && decision.delayMs <= policy.maxDelayMs && decision.delayMs >= 0).toBe(
          true,
        );
      }),
    );
  });
});
