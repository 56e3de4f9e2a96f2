import { describe, expect, test } from '@jest/globals';
import { ShedHint } from '../../src/inference/shed-hint.ts';

const hintAt = () => {
  const clock = { now: 0 };
  return { clock, hint: new ShedHint(() => clock.now) };
};

describe('the shed hint', () => {
  test('is 0 while everybody is served and the queue is half empty', () => {
    const { hint } = hintAt();
    hint.admitted();
    expect([hint.value(0), hint.value(0.5)]).toEqual([0, 0]);
  });

  test('is the share that was refused', () => {
    const { hint } = hintAt();
    for (let i = 0; i < 3; i += 1) hint.admitted();
    hint.refused();
    expect(hint.value(0)).toBe(0.25);
  });

  test('rises with a queue over its watermark, to 1 and not beyond', () => {
    const { hint } = hintAt();
    expect([hint.value(0.75), hint.value(1), hint.value(3)]).toEqual([0.5, 1, 1]);
  });

  test('forgets', () => {
    const { hint, clock } = hintAt();
    hint.refused();
    expect(hint.value(0)).toBe(1);
    clock.now = 60_000;
    expect(hint.value(0)).toBe(0);
  });
});
