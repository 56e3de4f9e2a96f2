/** What becomes of an attempt that did not answer: pure. */
import type { NamedFault } from '@shoal/models';
import type { RunOutcome } from '../ports/prediction-queue.ts';

/** Others came first: no fault of the prediction, and never its end. */
const BUSY: ReadonlySet<string> = new Set(['QUEUE_FULL', 'ENGINE_BUSY', 'DEADLINE_UNMEETABLE']);
/** A model that is loaded anew is away for a moment. */
const AWAY: ReadonlySet<string> = new Set(['MODEL_NOT_FOUND', 'MODEL_CLOSED']);

const BUSY_REST_MS = 250;
const FAILURE_REST_MS = 1_000;
const FAILURE_FACTOR = 4;
const MAX_REST_MS = 60_000;
const MAX_MESSAGE_CHARACTERS = 1_024;

export interface Attempt {
  readonly now: number;
  /** Attempts so far, this one included. */
  readonly attempts: number;
  /** Of those before, how many failed for a reason of their own. */
  readonly failures: number;
  readonly maxAttempts: number;
  /** In [0, 1). */
  readonly random: number;
}

/** Full jitter over the upper half, so that what failed together does not come back together. */
const restMs = (fullMs: number, random: number): number =>
  Math.ceil((Math.min(MAX_REST_MS, fullMs) * (1 + random)) / 2);

export const afterFault = (fault: NamedFault, attempt: Attempt): RunOutcome => {
  const { code, retryable, retryAfterMs = 0 } = fault;
  const error = { code, message: fault.message.slice(0, MAX_MESSAGE_CHARACTERS), retryable };
  const { now, attempts, failures, maxAttempts, random } = attempt;
  if (BUSY.has(code)) {
    const tries = Math.max(0, attempts - 1 - failures);
    const rest = Math.max(retryAfterMs, restMs(BUSY_REST_MS * 2 ** tries, random));
    return { kind: 'again', dueAt: now + rest, isFailure: false, error };
  }
  const canPass = retryable || AWAY.has(code);
  if (!canPass || failures + 1 >= maxAttempts) return { kind: 'failed', error };
  const rest = Math.max(retryAfterMs, restMs(FAILURE_REST_MS * FAILURE_FACTOR ** failures, random));
  return { kind: 'again', dueAt: now + rest, isFailure: true, error };
};
