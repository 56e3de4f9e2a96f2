import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Clock } from '../../src/runtime.ts';
import { SilenceWatch } from '../../src/uplink/silence-watch.ts';

const clock: Clock = { now: () => Date.now(), monotonic: () => Date.now() };
const LIMIT_MS = 1_500;

describe('the silence watch', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const watched = () => {
    let silent = 0;
    const watch = new SilenceWatch(LIMIT_MS, clock, () => (silent += 1));
    watch.start();
    return { watch, silent: () => silent };
  };

  it('speaks up exactly when the limit has passed since the last sign of life', () => {
    const { watch, silent } = watched();
    jest.advanceTimersByTime(1_200);
    watch.heard();
    jest.advanceTimersByTime(LIMIT_MS - 1);
    expect(silent()).toBe(0);
    jest.advanceTimersByTime(1);
    expect(silent()).toBe(1);
  });

  it('keeps quiet as long as something comes, and after it was stopped', () => {
    const { watch, silent } = watched();
    for (let time = 0; time < 20; time += 1) {
      jest.advanceTimersByTime(LIMIT_MS - 1);
      watch.heard();
    }
    watch.stop();
    jest.advanceTimersByTime(LIMIT_MS * 10);
    expect(silent()).toBe(0);
  });
});
