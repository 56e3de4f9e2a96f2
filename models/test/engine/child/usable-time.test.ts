import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { limitUsableTime } from '../../../src/engine/child/usable-time.ts';
import { processorWaitMsOf } from '../../../src/engine/child/watchdog.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A process that waits for a processor for so much of every millisecond. */
const begin = (share: number) => {
  const startedAt = performance.now();
  const onOver = jest.fn();
  const end = limitUsableTime({ limitMs: 1_000, waitedMs: () => (performance.now() - startedAt) * share, onOver });
  return { onOver, end };
};

test('a limit is over when a process has had that much time', () => {
  const { onOver } = begin(0);
  jest.advanceTimersByTime(999);
  expect(onOver).not.toHaveBeenCalled();
  jest.advanceTimersByTime(1);
  expect(onOver).toHaveBeenCalledTimes(1);
});

test('time in which the machine had other work does not count', () => {
  const { onOver } = begin(0.5);
  jest.advanceTimersByTime(1_990);
  expect(onOver).not.toHaveBeenCalled();
  jest.advanceTimersByTime(20);
  expect(onOver).toHaveBeenCalledTimes(1);
});

test('three times the limit is the end, however little of it the process got', () => {
  const { onOver } = begin(1);
  jest.advanceTimersByTime(2_999);
  expect(onOver).not.toHaveBeenCalled();
  jest.advanceTimersByTime(2);
  expect(onOver).toHaveBeenCalledTimes(1);
});

test('a limit that was ended is never over', () => {
  const { onOver, end } = begin(0.5);
  jest.advanceTimersByTime(1_500);
  end();
  jest.advanceTimersByTime(10_000);
  expect(onOver).not.toHaveBeenCalled();
});

test('the wait for a processor is read from what the kernel counts', () => {
  expect(processorWaitMsOf('6484054 76248085 4\n')).toBeCloseTo(76.248085, 6);
  expect(processorWaitMsOf('not counted here')).toBe(0);
});
