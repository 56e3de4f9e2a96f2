/** A local rule: a threshold with hysteresis and hold that a device watches by itself, online or not. */
import { z } from 'zod';
import { severitySchema } from './records/event.ts';

const durationMs = z.int().min(0).max(31_536_000_000);
const actionNames = z.array(z.string().min(1).max(64)).max(8);

/** What is wrong with a condition as a whole, or null. */
const conditionFault = (condition: {
  readonly sensor?: string | undefined;
  readonly model?: string | undefined;
  readonly value?: string | undefined;
  readonly above?: number | undefined;
  readonly below?: number | undefined;
  readonly equals?: string | undefined;
  readonly clearAt?: number | undefined;
}): string | null => {
  const { sensor, model, value, above, below, equals, clearAt } = condition;
  const tests = [above, below, equals].filter((test) => test !== undefined);
  if ((sensor === undefined) === (model === undefined)) return 'name either a sensor or a model';
  if (tests.length !== 1) return 'give exactly one of above, below and equals';
  if (equals !== undefined) {
    if (model === undefined) return 'equals compares the label of a model';
    return value === undefined && clearAt === undefined ? null : 'equals takes neither value nor clearAt';
  }
  if (value === undefined) return 'name the channel or output as value';
  if (above !== undefined && clearAt !== undefined && clearAt > above) return 'clearAt must not lie over above';
  if (below !== undefined && clearAt !== undefined && clearAt < below) return 'clearAt must not lie under below';
  return null;
};

export const ruleConditionSchema = z
  .strictObject({
    sensor: z.string().min(1).max(64).optional().describe('A sensor of the device; or a model.'),
    model: z.string().min(1).max(64).optional().describe('A model of the device, as its configuration calls it.'),
    value: z.string().min(1).max(64).optional().describe('Channel of the sensor or output of the model.'),
    above: z.number().optional(),
    below: z.number().optional(),
    equals: z.string().min(1).max(64).optional().describe('Label of the prediction.'),
    clearAt: z
      .number()
      .optional()
      .describe('The rule clears when the value is back at or beyond this; by default the threshold itself.'),
    holdMs: durationMs.default(0).describe('The condition must hold for this much event time [ms].'),
    clearHoldMs: durationMs.default(0).describe('And its end for this much [ms].'),
    cooldownMs: durationMs.default(0).describe('Event time from one firing to the next, at least [ms].'),
  })
  .superRefine((condition, context) => {
    const message = conditionFault(condition);
    if (message !== null) context.addIssue({ code: 'custom', message });
  })
  .meta({ id: 'RuleCondition' });
export type RuleCondition = z.infer<typeof ruleConditionSchema>;

/** Actions are names that the device's own configuration defines; a rule can name them and never say what they do. */
export const localRuleSchema = z
  .strictObject({
    when: ruleConditionSchema,
    severity: severitySchema.default('warning').describe('Of the event that tells of the firing.'),
    message: z.string().min(1).max(512).optional().describe('Sentence of that event.'),
    actions: actionNames.default([]).describe('Run when the rule fires, in this order.'),
    clearActions: actionNames.default([]).describe('Run when it clears.'),
    enabled: z.boolean().default(true),
  })
  .meta({ id: 'LocalRule' });
export type LocalRule = z.infer<typeof localRuleSchema>;

/** What a fleet may desire of one rule: a whole rule, or, without `when`, only whether the device's own is in force. */
export const desiredRuleSchema = localRuleSchema.partial({ when: true });
export type DesiredRule = z.infer<typeof desiredRuleSchema>;
