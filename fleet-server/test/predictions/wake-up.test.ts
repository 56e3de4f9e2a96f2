/** A loop that rests: no wake-up is lost. */
import { expect, test } from '@jest/globals';
import { WakeUp } from '../../src/predictions/wake-up.ts';

const FOR_EVER_MS = 2_000_000_000;

test('a wake-up that came before the rest ends it at once', async () => {
  const wakeUp = new WakeUp();
  wakeUp.wake();
  await expect(wakeUp.rest(FOR_EVER_MS)).resolves.toBeUndefined();
});

test('a wake-up ends the rest, and only one', async () => {
  const wakeUp = new WakeUp();
  const rested: string[] = [];
  const first = wakeUp.rest(FOR_EVER_MS).then(() => rested.push('first'));
  wakeUp.wake();
  await first;
  const second = wakeUp.rest(FOR_EVER_MS).then(() => rested.push('second'));
  await Promise.resolve();
  expect(rested).toEqual(['first']);
  wakeUp.wake();
  await second;
  expect(rested).toEqual(['first', 'second']);
});

test('without a wake-up it ends by itself', async () => {
  await expect(new WakeUp().rest(1)).resolves.toBeUndefined();
});
