/** Which rules are in force: those of the device's configuration, with what the fleet desires in their place. Pure. */
import type { DesiredRule, LocalRule } from '@shoal/protocol/wire';
import { AgentError } from '../errors.ts';

export type RuleList = Readonly<Record<string, LocalRule>>;

/** What a rule may name on this device. */
export interface RuleSurroundings {
  readonly sensors: readonly string[];
  readonly models: readonly string[];
  /** Defined by the device's own configuration, and nowhere else. */
  readonly actions: readonly string[];
}

const MAX_RULES = 64;

const refuse = (name: string, why: string): AgentError => new AgentError('DESIRED_INVALID', `Rule ${name}: ${why}.`);

const check = (name: string, { when, actions, clearActions }: LocalRule, around: RuleSurroundings): void => {
  const { sensor, model } = when;
  if (sensor !== undefined && !around.sensors.includes(sensor)) throw refuse(name, `no sensor is called ${sensor}`);
  if (model !== undefined && !around.models.includes(model)) throw refuse(name, `no model is called ${model}`);
  const stranger = [...actions, ...clearActions].find((action) => !around.actions.includes(action));
  if (stranger !== undefined) throw refuse(name, `this device defines no action ${stranger} in localActions`);
};

/**
 * Desired rules replace those of the same name; one without `when` only switches the device's own on or off. Throws
 * DESIRED_INVALID for what this device does not have: a rule that could never fire or act is a mistake to be told.
 */
export const rulesInForce = (
  own: RuleList,
  desired: Readonly<Record<string, DesiredRule>>,
  around: RuleSurroundings,
): RuleList => {
  const rules = new Map<string, LocalRule>(Object.entries(own));
  for (const [name, wanted] of Object.entries(desired)) {
    const { when, enabled } = wanted;
    const before = Object.hasOwn(own, name) ? own[name] : undefined;
    if (when !== undefined) {
      check(name, { ...wanted, when }, around);
      rules.set(name, { ...wanted, when });
    } else if (before !== undefined) {
      rules.set(name, { ...before, enabled });
    } else {
      throw refuse(name, 'it has no condition, and the device has no rule of that name');
    }
  }
  if (rules.size > MAX_RULES) throw refuse('list', `${rules.size} rules are more than ${MAX_RULES}`);
  return Object.fromEntries(rules);
};
