/** The part of the configuration that says what the device does by itself: rules, and the actions that they may name. */
import { localRuleSchema } from '@shoal/protocol/wire';
import { z } from 'zod';
import { modelName, type ChainLink, type ConfigFault } from './model-chains.ts';
import { localBrokerSchema } from './sensing-config.ts';

const timeoutMs = z.int().min(10).max(3_600_000).default(10_000).describe('given up, and told, after this long [ms]');

const commandSchema = z.strictObject({
  kind: z.literal('command'),
  file: z
    .string()
    .regex(/^\//, 'is no absolute path')
    .describe('program, run without a shell; what happened comes as JSON on its standard input'),
  args: z.array(z.string()).max(64).default([]),
  environment: z.record(z.string(), z.string()).default({}).describe('beside PATH and LANG, which is all it has'),
  timeoutMs,
});

const mqttMessageSchema = z.strictObject({
  kind: z.literal('mqtt'),
  broker: localBrokerSchema,
  topic: z
    .string()
    .min(1)
    .max(1_024)
    .refine((topic) => !/[#+\0]/.test(topic), 'is a filter, not a topic'),
  payload: z.string().max(65_536).optional().describe('by default what happened, as JSON'),
  qos: z.literal([0, 1]).default(1),
  retain: z.boolean().default(false),
  timeoutMs,
});

export const localActionSchema = z.discriminatedUnion('kind', [commandSchema, mqttMessageSchema]);
export type LocalActionConfig = z.infer<typeof localActionSchema>;

const MAX_RULES = 64;
export const ruleListSchema = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/), localRuleSchema)
  .refine((rules) => Object.keys(rules).length <= MAX_RULES, `at most ${MAX_RULES} rules`);

/** Rules that name what is not there would never fire, and nobody would know. */
export const ruleFaults = (config: {
  readonly sensors: readonly { readonly name: string }[];
  readonly models: readonly ChainLink[];
  readonly localActions: Readonly<Record<string, unknown>>;
  readonly rules: z.infer<typeof ruleListSchema>;
}): ConfigFault[] => {
  const { sensors, models, localActions, rules } = config;
  return Object.entries(rules).flatMap(([name, { when, actions, clearActions }]) => {
    const path = ['rules', name];
    const { sensor, model } = when;
    const isSensor = sensor === undefined || sensors.some((known) => known.name === sensor);
    const isModel = model === undefined || models.some((known) => modelName(known) === model);
    const strangers = [...actions, ...clearActions].filter((action) => !Object.hasOwn(localActions, action));
    return [
      ...(isSensor ? [] : [{ path: [...path, 'when', 'sensor'], message: `no sensor is called ${sensor ?? ''}` }]),
      ...(isModel ? [] : [{ path: [...path, 'when', 'model'], message: `no model is called ${model ?? ''}` }]),
      ...strangers.map((action) => ({ path: [...path, 'actions'], message: `localActions has no ${action}` })),
    ];
  });
};
