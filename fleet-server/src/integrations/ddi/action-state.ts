/** The life of an action as a table: what a report of the target makes of each state, as hawkBit reads such reports. */
import type { DdiFeedback, SystemActionState } from '@shoal/protocol';

/** As it is stored; `timed-out` is how a stored one is shown when nothing was heard for too long. */
export type StoredState = Exclude<SystemActionState, 'timed-out'>;
export type Report = Pick<DdiFeedback['status'], 'execution' | 'result'>;

const FINAL: ReadonlySet<string> = new Set<StoredState>(['finished', 'failed', 'canceled']);
/** A target that has not fetched it owes nothing. */
const OWES_A_REPORT: ReadonlySet<string> = new Set<StoredState>([
  'offered',
  'downloading',
  'downloaded',
  'proceeding',
  'rejected',
  'canceling',
]);
export const STATES_THAT_TIME_OUT = [...OWES_A_REPORT];

export const isFinal = (state: string): boolean => FINAL.has(state);

/** What is over stays; a target that was asked to let go may have been through already, and says so. */
export const afterReport = (state: StoredState, { execution, result }: Report): StoredState => {
  if (isFinal(state)) return state;
  if (execution === 'closed') return result.finished === 'failure' ? 'failed' : 'finished';
  if (execution === 'canceled') return 'canceled';
  if (state === 'canceling') return state;
  if (execution === 'rejected') return 'rejected';
  if (execution === 'download') return 'downloading';
  return execution === 'downloaded' ? 'downloaded' : 'proceeding';
};

/** Of a cancellation: one that the target could not or would not carry out leaves the action as it was, at work. */
export const afterCancelReport = (state: StoredState, { execution, result }: Report): StoredState => {
  if (state !== 'canceling') return state;
  if (execution === 'canceled') return 'canceled';
  if (execution === 'closed') return result.finished === 'failure' ? 'proceeding' : 'canceled';
  return execution === 'rejected' ? 'proceeding' : state;
};

/** What a request to cancel makes of it. */
export const afterCancelRequest = (state: StoredState, force: boolean): StoredState => {
  if (isFinal(state)) return state;
  return force || state === 'pending' ? 'canceled' : 'canceling';
};

/** @param heardBefore what has been quiet since before this instant is timed out */
export const shownState = (state: string, quietSince: number | null, heardBefore: number): SystemActionState =>
  OWES_A_REPORT.has(state) && quietSince !== null && quietSince < heardBefore ? 'timed-out' : (state as StoredState);
