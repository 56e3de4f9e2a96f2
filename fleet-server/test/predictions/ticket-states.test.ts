/** The table of states: what is final, and what leads where. */
import { expect, test } from '@jest/globals';
import { PREDICTION_STATES } from '@shoal/protocol';
import { afterEvent, TICKET_STATES } from '../../src/ports/prediction-states.ts';

const answeredFrom = (start: (typeof PREDICTION_STATES)[number]): Set<string> => {
  const seen = new Set<string>([start]);
  for (const state of seen) {
    for (const next of Object.values(TICKET_STATES[state as typeof start])) if (next !== undefined) seen.add(next);
  }
  return seen;
};

test('every state is reached from the first, and from every state but the answer a ticket can still be answered', () => {
  expect(answeredFrom('queued')).toEqual(new Set(PREDICTION_STATES));
  for (const state of PREDICTION_STATES) expect(answeredFrom(state)).toContain('succeeded');
});

test('an answer is the end', () => {
  expect(TICKET_STATES.succeeded).toEqual({});
});

test('only what runs is answered, and only what is final is run again', () => {
  const allowing = (event: 'answer' | 'fail' | 'retry') =>
    PREDICTION_STATES.filter((state) => afterEvent(state, event) !== undefined);
  expect(allowing('answer')).toEqual(['running']);
  expect(allowing('fail')).toEqual(['running']);
  expect(allowing('retry')).toEqual(['failed', 'canceled', 'expired']);
});
