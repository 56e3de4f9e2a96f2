/** A caller's wait and its deadline, where the engine is quicker than any timer. */
import { expect, test } from '@jest/globals';
import { PendingRequest } from '../../../src/engine/child/pending-request.ts';

const result = { outputs: {}, elapsedMs: 0 };
const spinFor = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() <= until;);
};

test('an answer that overtakes the timer of a deadline already missed is refused', async () => {
  const request = new PendingRequest({}, { deadlineMs: 0.1 });
  const givenUp: string[] = [];
  request.start(() => givenUp.push('timer'));
  spinFor(0.1);
  request.resolve(result);
  await expect(request.answer).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' });
  expect(givenUp).toEqual([]);
});

test('an answer within the deadline, or without one, is the answer', async () => {
  for (const options of [{ deadlineMs: 60_000 }, {}]) {
    const request = new PendingRequest({}, options);
    request.start(() => undefined);
    request.resolve(result);
    await expect(request.answer).resolves.toBe(result);
  }
});
