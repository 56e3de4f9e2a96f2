/** What rests, how long. */
import { expect, test } from '@jest/globals';
import { BacklogPace } from '../../../../src/adapters/embedded/aedes-gateway/backlog-pace.ts';

test('the first slice is taken at once, the next after a rest in proportion to the one before', () => {
  const pace = new BacklogPace();
  expect(pace.restMs(1_000)).toBe(0);
  pace.worked(3, 1_000);
  expect(pace.restMs(1_000)).toBe(3);
  expect(pace.restMs(1_002)).toBe(1);
  expect(pace.restMs(1_003)).toBe(0);
});

test('a slice that met a slow disk does not stop the backlog', () => {
  const pace = new BacklogPace();
  pace.worked(60_000, 0);
  expect(pace.restMs(0)).toBe(20);
});
