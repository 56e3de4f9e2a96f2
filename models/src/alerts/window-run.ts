/**
 * Runs a rule over windows as they are published. The newest window of a key decides. A revision of it decides again, from
 * what was before that window, so that the outcome is as if it had been so from the start; a revision of an older one
 * changes nothing. History never raises, but a revision of the window that raised can always take it back.
 */
import type { WindowResult } from '@shoal/protocol';
import type { Scalar } from '@shoal/protocol/wire';
import type { Column } from '../streams/record-columns.ts';
import { advance, changeBetween, type Advance } from './alert-state.ts';
import type { KeyState, RuleTally } from './key-state.ts';
import type { Run } from './record-run.ts';
import { bindRule, type RulePlan, type Said } from './rule-plan.ts';

/** Aggregates by their names, parts of them as `name.part`, and facts about the window with `$`. */
const columnOf =
  (window: WindowResult) =>
  (name: string): Column => {
    const value = valueOf(window, name);
    return () => value;
  };

const valueOf = ({ key, records, clockBad, level, values }: WindowResult, name: string): Scalar => {
  if (name.startsWith('$')) return { $key: key, $records: records, $clockBad: clockBad, $level: level }[name] ?? null;
  const whole = Object.hasOwn(values, name) ? values[name] : undefined;
  if (whole !== undefined) return typeof whole === 'object' ? null : whole;
  // p99.9 has a point of its own: the first one divides.
  const point = name.indexOf('.');
  const parts = point < 0 ? undefined : values[name.slice(0, point)];
  const part = name.slice(point + 1);
  return typeof parts === 'object' && parts !== null && Object.hasOwn(parts, part) ? (parts[part] ?? null) : null;
};

export const runWindow = (plan: RulePlan, window: WindowResult, before: KeyState, tally: RuleTally): Run => {
  const unchanged = { state: before, transitions: [] };
  const { on, maxAgeMs, historical } = plan.rule;
  if (on.kind !== 'window' || on.stream !== window.stream || on.level !== window.level) return unchanged;
  const known = before.window;
  if (known !== null && window.startAt < known.startAt) {
    tally.late += 1;
    return unchanged;
  }
  const isHistorical = window.updatedAt - window.endAt > maxAgeMs;
  const isRevision = known?.startAt === window.startAt;
  if (isHistorical && !historical && !(isRevision && before.alert.level === 'firing')) {
    tally.historical += 1;
    return unchanged;
  }
  const base = isRevision ? known.before : before.alert;
  const said = window.state === 'retracted' ? null : bindRule(plan, { column: columnOf(window) })(0);
  const { state: alert, change: step }: Advance =
    said === null || window.endAt < base.lastAt
      ? { state: base, change: 'none' }
      : advance(base, window.endAt, said.verdict, plan.rule);
  const change = isRevision ? changeBetween(before.alert.level, alert.level) : step;
  tally.considered += 1;
  const heldAt = said?.verdict === 'holds' ? window.updatedAt : before.heldAt;
  const state: KeyState = { ...before, alert, heldAt, window: { startAt: window.startAt, before: base } };
  if (change === 'none') return { state, transitions: [] };
  const transition = {
    key: window.key,
    change,
    at: window.endAt,
    since: alert.since,
    value: shownOf(said),
    isClockBad: window.clockBad > 0,
    isHistorical,
    reason: change !== 'resolved' ? null : isRevision ? ('revised' as const) : ('over' as const),
  };
  return { state, transitions: [transition] };
};

const shownOf = (said: Said | null): Scalar => said?.value ?? null;
