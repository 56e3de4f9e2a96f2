/** Runs a rule over the records of one device, in the order of the log. */
import type { RecordColumns } from '../streams/record-columns.ts';
import { advance } from './alert-state.ts';
import type { KeyState, RuleTally, Transition } from './key-state.ts';
import { bindRule, type RulePlan } from './rule-plan.ts';
import { placeSample } from './sample-order.ts';

export interface Run {
  readonly state: KeyState;
  readonly transitions: readonly Transition[];
}

/** Records of another kind are none of the rule's; `tally` is counted on. */
export const runRecords = (plan: RulePlan, columns: RecordColumns, before: KeyState, tally: RuleTally): Run => {
  if (columns.kind !== plan.kind) return { state: before, transitions: [] };
  const { maxAgeMs, historical } = plan.rule;
  const judge = bindRule(plan, columns);
  const transitions: Transition[] = [];
  let { alert, heldAt, sequence } = before;
  for (let row = 0; row < columns.length; row += 1) {
    const said = judge(row);
    if (said === null) continue;
    const eventAt = columns.eventAt[row] ?? 0;
    const isHistorical = columns.receivedAt - eventAt > maxAgeMs;
    if (isHistorical && !historical) {
      tally.historical += 1;
      continue;
    }
    const made = columns.sequence[row] ?? 0;
    const placed = placeSample({ alert, sequence }, eventAt, made);
    if (placed === null) {
      tally.late += 1;
      continue;
    }
    tally.considered += 1;
    const { at } = placed;
    const { state, change } = advance(placed.alert, at, said.verdict, plan.rule);
    [alert, sequence] = [state, made];
    if (said.verdict === 'holds') heldAt = columns.receivedAt;
    if (change === 'none') continue;
    transitions.push({
      key: columns.deviceId,
      change,
      at,
      since: state.since,
      value: said.value,
      isClockBad: columns.clock[row] === 'bad',
      isHistorical,
      reason: change === 'resolved' ? 'over' : null,
    });
  }
  // Nothing that was looked at: the state is the same one, and needs no writing.
  if (alert === before.alert) return { state: before, transitions };
  return { state: { ...before, alert, heldAt, sequence }, transitions };
};
