/** Messages under way: the wait is for the oldest, from when it became the oldest. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { AckWatch } from '../../src/outbox/ack-watch.ts';

const LIMIT_MS = 30_000;
let silences = 0;
let watch: AckWatch;

beforeEach(() => {
  jest.useFakeTimers();
  silences = 0;
  watch = new AckWatch(LIMIT_MS, () => (silences += 1));
});
afterEach(() => {
  jest.useRealTimers();
});

const messages = (count: number): object[] => Array.from({ length: count }, (_, index) => ({ index }));

it('many messages that are acknowledged one after the other are no silence, however long the last one waits', () => {
  const sent = messages(50);
  for (const message of sent) watch.sent(message);
  for (const message of sent) {
    jest.advanceTimersByTime(LIMIT_MS - 1);
    watch.settled(message);
  }
  jest.advanceTimersByTime(LIMIT_MS * 2);
  expect(silences).toBe(0);
});

it('an oldest message that is never acknowledged is told, although later ones are', () => {
  const [lost, ...later] = messages(4);
  watch.sent(lost as object);
  for (const message of later) {
    watch.sent(message);
    jest.advanceTimersByTime(LIMIT_MS / 4);
    watch.settled(message);
  }
  expect(silences).toBe(0);
  jest.advanceTimersByTime(LIMIT_MS / 4);
  expect(silences).toBe(1);
});

it('waits for nothing while nothing is under way', () => {
  const [first, second] = messages(2) as [object, object];
  watch.sent(first);
  watch.settled(first);
  jest.advanceTimersByTime(LIMIT_MS * 3);
  watch.sent(second);
  jest.advanceTimersByTime(LIMIT_MS - 1);
  expect(silences).toBe(0);
  jest.advanceTimersByTime(1);
  expect(silences).toBe(1);
});
