/** Wrong clocks are wrong by exactly what they were told. */
import { expect, test } from '@jest/globals';
import { skewedClock } from '../../src/faults/clock.ts';

test('a clock is off by its offset and drifts by its rate', () => {
  let now = 1_000_000;
  const clock = skewedClock(() => now, { offsetMs: -5_000, driftPpm: 100 });
  expect(clock()).toBe(995_000);
  now += 10_000_000;
  expect(clock()).toBe(10_995_000 + 1_000);
});

test('a clock never goes before the epoch', () => {
  expect(skewedClock(() => 1_000, { offsetMs: -9_000, driftPpm: 0 })()).toBe(0);
});
