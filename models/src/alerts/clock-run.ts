/** What the clock of the server alone decides: a device that is absent, and an alert that nothing speaks for any more. */
import { advance, CLEAR } from './alert-state.ts';
import type { KeyState, Resolution, Transition } from './key-state.ts';
import type { Run } from './record-run.ts';
import type { RulePlan } from './rule-plan.ts';

/** When something of a device was last there, by the clock of the server. */
export interface Contact {
  readonly deviceId: string;
  readonly isConnected: boolean;
  /** It was connected then; not before the server ran. */
  readonly contactAt: number;
  /** It sent records then; not before the server ran. */
  readonly recordsAt: number;
}

export const runAbsence = (plan: RulePlan, contact: Contact, before: KeyState, now: number): Run => {
  const { on } = plan.rule;
  if (on.kind !== 'absence') return { state: before, transitions: [] };
  const lastAt = on.of === 'records' ? contact.recordsAt : contact.isConnected ? now : contact.contactAt;
  const isAbsent = now - lastAt >= on.afterMs;
  const at = Math.max(now, before.alert.lastAt);
  const { state, change } = advance(before.alert, at, isAbsent ? 'holds' : 'over', plan.rule);
  // It was wrong from the moment that it was last there.
  const alert = change === 'fired' ? { ...state, since: lastAt } : state;
  if (change === 'none') return { state: before, transitions: [] };
  const transition: Transition = {
    key: contact.deviceId,
    change,
    at: now,
    since: alert.since,
    value: Math.round((now - lastAt) / 1_000),
    isClockBad: false,
    isHistorical: false,
    reason: change === 'resolved' ? 'heard' : null,
  };
  return { state: { ...before, alert }, transitions: [transition] };
};

export const runQuiet = (plan: RulePlan, key: string, before: KeyState, now: number): Run => {
  const { quietMs } = plan;
  const isQuiet = quietMs !== undefined && before.alert.level !== 'clear' && now - before.heldAt >= quietMs;
  return isQuiet ? endOf(key, before, now, 'quiet') : { state: before, transitions: [] };
};

/** Ends what is open for a reason from outside. */
export const endOf = (key: string, before: KeyState, now: number, reason: Resolution): Run => {
  const { level, since, lastAt } = before.alert;
  if (level === 'clear') return { state: before, transitions: [] };
  const transition: Transition = {
    key,
    change: level === 'firing' ? 'resolved' : 'dropped',
    at: now,
    since,
    value: null,
    isClockBad: false,
    isHistorical: false,
    reason: level === 'firing' ? reason : null,
  };
  return { state: { ...before, alert: { ...CLEAR, lastAt }, window: null }, transitions: [transition] };
};
