/** Rules of every kind of record, for the test against the oracle. */
import { alertRuleSchema, type AlertRule } from '@shoal/protocol';

const MINUTE_MS = 60_000;
const channels = [{ type: 'email', to: 'ops@example.org' }];

const define = (rule: object): AlertRule => alertRuleSchema.parse({ notify: { channels }, ...rule });

export const RULES = {
  high: define({
    name: 'high',
    on: { kind: 'readings', source: 'pump' },
    when: { value: 'a', above: 120, clearAt: 60 },
  }),
  held: define({
    name: 'held',
    on: { kind: 'readings' },
    where: '`b c` > 3',
    when: { value: 'a - 10', below: 60 },
    forMs: 20_000,
    clearForMs: 15_000,
    maxAgeMs: 90 * MINUTE_MS,
  }),
  anomaly: define({
    name: 'anomaly',
    on: { kind: 'predictions', model: 'pump-anomaly' },
    labels: [{ label: 'site', value: 'north' }],
    when: { condition: 'score > 0.5', clear: 'score < 0.3' },
    historical: true,
  }),
  warning: define({
    name: 'warning',
    on: { kind: 'events' },
    when: { condition: "$severity == 'warning'", clear: "$kind == 'agent.started'" },
    historical: true,
  }),
} as const;
