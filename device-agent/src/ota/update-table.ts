/** The update of one model as a table: what is done in each state, where it goes from there, and how long it may take. Pure. */
import type { AssignedModel, UpdateState } from '@shoal/protocol/wire';
import type { Update } from './update-record.ts';

/** What the updater does in a state; every one may be done again from its beginning. */
type StateWork = 'wait' | 'download' | 'verify' | 'stage' | 'self-test' | 'shadow' | 'load' | 'watch' | 'restore';
/** `hold`: nothing, until the hold is over. */
export type Work = StateWork | 'hold';

export interface StateRule {
  /** Null in a state that ends an update. */
  readonly work: StateWork | null;
  readonly done: UpdateState;
  /** Where it waits while updates are held, in place of `done`; null where what comes next disturbs nothing. */
  readonly held: UpdateState | null;
  readonly failed: UpdateState;
  /** Milliseconds of running; past them the update fails here. */
  readonly deadlineMs: (assigned: AssignedModel) => number;
  /** Whether it may still be canceled or superseded. */
  readonly mayLeave: boolean;
  /** Times that the agent may begin anew here without having stopped in good order; once more and the update fails. */
  readonly crashes: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const after =
  (ms: number): StateRule['deadlineMs'] =>
  () =>
    ms;
const never = after(Infinity);
const terminal = (state: UpdateState): StateRule => ({
  work: null,
  done: state,
  held: null,
  failed: state,
  deadlineMs: never,
  mayLeave: false,
  crashes: Infinity,
});
const before = { failed: 'rejected', mayLeave: true, crashes: Infinity } as const;

/** A flip of `active` is part of the one write that leaves `activating` or enters `rolling-back`: there is nothing between old and new. */
export const UPDATE_TABLE: Readonly<Record<UpdateState, StateRule>> = {
  assigned: { ...before, work: 'wait', done: 'downloading', held: 'wait-window', deadlineMs: never },
  'wait-window': {
    ...before,
    work: 'wait',
    done: 'downloading',
    held: 'wait-window',
    deadlineMs: after(60 * DAY_MS),
  },
  downloading: { ...before, work: 'download', done: 'verifying', held: null, deadlineMs: after(14 * DAY_MS) },
  verifying: { ...before, work: 'verify', done: 'staged', held: null, deadlineMs: after(HOUR_MS) },
  staged: { ...before, work: 'stage', done: 'self-test', held: 'staged', deadlineMs: after(DAY_MS) },
  'self-test': {
    ...before,
    work: 'self-test',
    done: 'shadow',
    held: 'self-test',
    deadlineMs: after(HOUR_MS),
    crashes: 1,
  },
  shadow: {
    ...before,
    work: 'shadow',
    done: 'activating',
    held: 'shadow',
    deadlineMs: ({ shadow }) => shadow.maxSeconds * 1_000,
    crashes: 3,
  },
  activating: {
    work: 'load',
    done: 'probation',
    // One step back, where it may still be canceled: what was loaded is loaded again.
    held: 'shadow',
    failed: 'rejected',
    deadlineMs: after(HOUR_MS),
    mayLeave: false,
    crashes: 1,
  },
  probation: {
    work: 'watch',
    done: 'committed',
    held: null,
    failed: 'rolling-back',
    deadlineMs: ({ probation }) => probation.maxSeconds * 1_000,
    mayLeave: false,
    crashes: 2,
  },
  'rolling-back': {
    work: 'restore',
    done: 'rolled-back',
    held: null,
    failed: 'rolled-back',
    deadlineMs: after(HOUR_MS),
    mayLeave: false,
    crashes: 2,
  },
  committed: terminal('committed'),
  'rolled-back': terminal('rolled-back'),
  rejected: terminal('rejected'),
  canceled: terminal('canceled'),
  superseded: terminal('superseded'),
};

export const isTerminal = (state: UpdateState): boolean => UPDATE_TABLE[state].work === null;

/** Null when there is nothing to do. */
export const workOf = ({ state, held }: Update): Work | null => (held ? 'hold' : UPDATE_TABLE[state].work);
