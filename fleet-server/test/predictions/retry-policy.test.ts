/** What becomes of attempts that did not answer. */
import { describe, expect, test } from '@jest/globals';
import { ModelError, namedFault } from '@shoal/models';
import { FleetError } from '../../src/errors.ts';
import { afterFault, type Attempt } from '../../src/predictions/retry-policy.ts';

const NOW = 1_000_000;
const first: Attempt = { now: NOW, attempts: 1, failures: 0, maxAttempts: 3, random: 0 };
const after = (error: Error, attempt: Partial<Attempt> = {}) => afterFault(namedFault(error), { ...first, ...attempt });
const crash = new ModelError('ENGINE_CRASHED', 'it died');

describe('an attempt that failed', () => {
  test('for a reason that can pass rests, four times as long each time, and fails in the end', () => {
    const rests = [0, 1].map((failures) => after(crash, { failures, attempts: failures + 1 }));
    expect(rests.map((outcome) => outcome.kind === 'again' && outcome.dueAt - NOW)).toEqual([500, 2_000]);
    expect(rests.every((outcome) => outcome.kind === 'again' && outcome.isFailure)).toBe(true);
    expect(after(crash, { failures: 2, attempts: 3 })).toEqual({
      kind: 'failed',
      error: { code: 'ENGINE_CRASHED', message: 'it died', retryable: true },
    });
  });

  test('never rests for longer than a minute', () => {
    const outcome = after(crash, { failures: 20, attempts: 21, maxAttempts: 100, random: 0.999_999 });
    expect(outcome).toMatchObject({ kind: 'again', dueAt: NOW + 60_000 });
  });

  test.each([
    ['of its inputs', new ModelError('INPUT_BREAKS_MODEL', 'it does'), 'INPUT_BREAKS_MODEL'],
    ['of the server', new Error('unforeseen'), 'INTERNAL'],
    ['of a feature', new FleetError('FEATURE_UNKNOWN', 'no such'), 'FEATURE_UNKNOWN'],
  ])('because %s fails at once, by name', (_, error, code) => {
    expect(after(error)).toMatchObject({ kind: 'failed', error: { code, message: error.message, retryable: false } });
  });

  test('because its model is being loaded anew is tried again', () => {
    expect(after(new ModelError('MODEL_NOT_FOUND', 'gone'))).toMatchObject({ kind: 'again', isFailure: true });
  });
});

describe('an attempt that had to make way', () => {
  const busy = (attempt: Partial<Attempt>, retryAfterMs = 0) =>
    after(new ModelError('QUEUE_FULL', 'others came first', { retryAfterMs }), attempt);

  test('is tried again however often, and counts as no failure', () => {
    expect(busy({ attempts: 1_000, failures: 2 })).toMatchObject({
      kind: 'again',
      isFailure: false,
      dueAt: NOW + 30_000,
    });
  });

  test('rests at least as long as the model asks for', () => {
    expect(busy({})).toMatchObject({ dueAt: NOW + 125 });
    expect(busy({}, 5_000)).toMatchObject({ dueAt: NOW + 5_000 });
  });
});
