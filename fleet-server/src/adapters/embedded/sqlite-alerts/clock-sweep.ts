/** What the clock changes: devices that are absent or back, and alerts that nothing speaks for any more. */
import { runAbsence, runQuiet, type Run } from '@shoal/models/alerts';
import type { KnownDevices } from './known-devices.ts';
import { stateOf, type RunningRule } from './running-rule.ts';

export interface Swept {
  readonly rule: RunningRule;
  readonly key: string;
  readonly run: Run;
}

/** @yields what changed, and nothing else */
export function* runClock(rules: readonly RunningRule[], devices: KnownDevices, now: number): Iterable<Swept> {
  for (const rule of rules) {
    const { plan } = rule;
    if (plan.rule.on.kind === 'absence') yield* absences(rule, devices, now);
    if (plan.quietMs === undefined) continue;
    for (const [key, state] of rule.keys) {
      const run = runQuiet(plan, key, state, now);
      if (run.transitions.length > 0) yield { rule, key, run };
    }
  }
}

function* absences(rule: RunningRule, devices: KnownDevices, now: number): Iterable<Swept> {
  for (const contact of devices.contacts()) {
    const key = contact.deviceId;
    if (!devices.carries(key, rule.plan.rule.labels)) continue;
    const run = runAbsence(rule.plan, contact, stateOf(rule, key), now);
    if (run.transitions.length > 0) yield { rule, key, run };
  }
}
