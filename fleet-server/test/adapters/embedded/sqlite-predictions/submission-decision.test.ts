/** What a submission comes to. */
import { expect, test } from '@jest/globals';
import {
  decideSubmission,
  type SubmissionFacts,
} from '../../../../src/adapters/embedded/sqlite-predictions/submission-decision.ts';

const NOTHING: SubmissionFacts = {
  digest: null,
  known: undefined,
  freshSince: Infinity,
  answered: undefined,
  inFlight: undefined,
  open: 0,
  openBytes: 0,
  bytes: 10,
  maxOpen: 2,
  maxOpenBytes: 100,
};
const answered = { ticketNo: 7, finishedAt: 1_000 };
const FULL = { open: 2, openBytes: 95 };

test.each<[string, Partial<SubmissionFacts>, object]>([
  ['is queued when nothing is known', {}, { kind: 'queue' }],
  ['is what its key stands for', { digest: 'a', known: { ticketNo: 3, digest: 'a' } }, { kind: 'same', ticketNo: 3 }],
  [
    'is refused when its key stands for another',
    { digest: 'b', known: { ticketNo: 3, digest: 'a' } },
    { kind: 'conflict', ticketNo: 3 },
  ],
  [
    'is what its key stands for, however full it is and fresh another',
    { digest: 'a', known: { ticketNo: 3, digest: 'a' }, answered, freshSince: 0, ...FULL },
    { kind: 'same', ticketNo: 3 },
  ],
  [
    'is answered by what was finished at the last allowed moment',
    { answered, freshSince: 1_000 },
    { kind: 'fresh', ticketNo: 7 },
  ],
  [
    'is answered by what is fresh, however full it is',
    { answered, freshSince: 1_000, ...FULL },
    { kind: 'fresh', ticketNo: 7 },
  ],
  ['is not answered by what is a moment too old', { answered, freshSince: 1_001 }, { kind: 'queue' }],
  ['joins a run about the same', { inFlight: 5 }, { kind: 'join', runNo: 5 }],
  ['joins a run though its inputs would have no room', { inFlight: 5, openBytes: 95 }, { kind: 'join', runNo: 5 }],
  ['is refused when too many are open, also to join', { inFlight: 5, open: 2 }, { kind: 'full' }],
  ['is refused when its inputs have no room', { openBytes: 91 }, { kind: 'full' }],
  ['fits exactly', { openBytes: 90, open: 1 }, { kind: 'queue' }],
])('a submission %s', (_, facts, decision) => {
  expect(decideSubmission({ ...NOTHING, ...facts })).toEqual(decision);
});
