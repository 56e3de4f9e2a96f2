/** What people may do with a rollout in which state, and what it is then: the whole table. */
import type { RolloutState } from '@shoal/protocol';

export type RolloutAction = 'start' | 'approve' | 'pause' | 'halt' | 'resume' | 'rollback' | 'abort';

type Row = Readonly<Partial<Record<RolloutAction, RolloutState>>>;

/** `start` leads to `pending-approval` instead where an approval is required. */
const TABLE: Readonly<Record<RolloutState, Row>> = {
  draft: { start: 'scheduled', abort: 'aborted' },
  'pending-approval': { approve: 'scheduled', abort: 'aborted' },
  scheduled: { pause: 'paused', halt: 'paused', abort: 'aborted' },
  running: { pause: 'paused', halt: 'paused', rollback: 'rolling-back', abort: 'aborted' },
  paused: { halt: 'paused', resume: 'running', rollback: 'rolling-back', abort: 'aborted' },
  'rolling-back': { abort: 'aborted' },
  completed: { rollback: 'rolling-back' },
  'rolled-back': {},
  aborted: { rollback: 'rolling-back' },
};

/** @returns undefined when the state does not allow it */
export const nextState = (state: RolloutState, action: RolloutAction): RolloutState | undefined => TABLE[state][action];

export const allowedActions = (state: RolloutState): readonly RolloutAction[] =>
  Object.keys(TABLE[state]) as RolloutAction[];
