/** The table of an action's life, whole. */
import { expect, test } from '@jest/globals';
import {
  afterCancelReport,
  afterCancelRequest,
  afterReport,
  isFinal,
  shownState,
  STATES_THAT_TIME_OUT,
  type Report,
  type StoredState,
} from '../../../src/integrations/ddi/action-state.ts';

const STATES = ['pending', ...STATES_THAT_TIME_OUT, 'finished', 'failed', 'canceled'] as StoredState[];
const report = (execution: Report['execution'], finished: Report['result']['finished'] = 'none'): Report => ({
  execution,
  result: { finished },
});

test.each([
  [report('download'), 'downloading'],
  [report('downloaded'), 'downloaded'],
  [report('proceeding'), 'proceeding'],
  [report('scheduled'), 'proceeding'],
  [report('resumed'), 'proceeding'],
  [report('rejected'), 'rejected'],
  [report('canceled'), 'canceled'],
  [report('closed', 'success'), 'finished'],
  [report('closed'), 'finished'],
  [report('closed', 'failure'), 'failed'],
])('%j of what is at work makes it %s', (said, expected) => {
  expect(afterReport('offered', said)).toBe(expected);
  expect(afterReport('rejected', said)).toBe(expected);
});

test('what is over stays, whatever is reported or asked', () => {
  for (const state of STATES.filter(isFinal))
    for (const execution of ['closed', 'proceeding', 'canceled', 'rejected'] as const)
      expect([
        afterReport(state, report(execution, 'failure')),
        afterCancelReport(state, report(execution)),
        afterCancelRequest(state, true),
      ]).toEqual([state, state, state]);
});

test('a target that is to let go may have been through, and is believed', () => {
  expect(afterReport('canceling', report('proceeding'))).toBe('canceling');
  expect(afterReport('canceling', report('closed', 'success'))).toBe('finished');
  expect(afterReport('canceling', report('closed', 'failure'))).toBe('failed');
});

test('a cancellation is carried out, or the action goes on', () => {
  expect(afterCancelReport('canceling', report('closed', 'success'))).toBe('canceled');
  expect(afterCancelReport('canceling', report('canceled'))).toBe('canceled');
  expect(afterCancelReport('canceling', report('closed', 'failure'))).toBe('proceeding');
  expect(afterCancelReport('canceling', report('rejected'))).toBe('proceeding');
  expect(afterCancelReport('canceling', report('proceeding'))).toBe('canceling');
  expect(afterCancelReport('proceeding', report('closed', 'success'))).toBe('proceeding');
});

test('what was not fetched is canceled at once, what was begun is asked for, unless forced', () => {
  expect(afterCancelRequest('pending', false)).toBe('canceled');
  expect(afterCancelRequest('offered', false)).toBe('canceling');
  expect(afterCancelRequest('proceeding', true)).toBe('canceled');
});

test('only what owes a report times out', () => {
  const quiet = STATES.filter((state) => shownState(state, 1, 2) === 'timed-out');
  expect(quiet).toEqual(STATES_THAT_TIME_OUT);
  expect(shownState('proceeding', 2, 2)).toBe('proceeding');
  expect(shownState('pending', null, 2)).toBe('pending');
});
