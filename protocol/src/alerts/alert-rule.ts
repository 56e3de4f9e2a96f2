/** A rule of alerts: what is watched, when it is wrong, for how long, and who is told. */
import { z } from 'zod';
import { severitySchema } from '../records/event.ts';
import { deliveryChannelSchema } from '../rest/deliveries.ts';
import { streamExpressionSchema, streamNameSchema } from '../streams/stream-definition.ts';
import { WINDOW_LEVELS } from '../streams/window-levels.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

export const alertRuleNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a rule name is 1-63 characters of a-z, 0-9 and "-", not starting with "-"')
  .meta({ id: 'AlertRuleName', examples: ['pump-hot'] });

const spanMs = z
  .int()
  .min(0)
  .max(31 * DAY_MS);

const alertSourceSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('readings'),
      source: z.string().min(1).max(64).optional().describe('Sensor source of the device; absent: every one.'),
    }),
    z.strictObject({
      kind: z.literal('predictions'),
      model: z.string().min(1).max(63).optional().describe('Absent: of whatever model.'),
    }),
    z
      .strictObject({ kind: z.literal('events') })
      .describe('Every event that passes is wrong, unless `when` says more.'),
    z
      .strictObject({ kind: z.literal('drift'), model: z.string().min(1).max(63).optional() })
      .describe('Events drift.detected of devices.'),
    z
      .strictObject({
        kind: z.literal('window'),
        stream: streamNameSchema,
        level: z.enum(WINDOW_LEVELS).default('window'),
      })
      .describe('Windows of a stream as they are published; a revision of the newest one of a key decides again.'),
    z
      .strictObject({
        kind: z.literal('absence'),
        afterMs: spanMs.min(1_000),
        of: z
          .enum(['contact', 'records'])
          .default('contact')
          .describe('contact: it is not connected. records: it sends none, connected or not.'),
      })
      .describe('A device of which nothing was heard for so long, by the clock of the server while it runs.'),
  ])
  .meta({ id: 'AlertSource' });
export type AlertSource = z.infer<typeof alertSourceSchema>;

/** One shape for both kinds, so that a fault is told with its place. */
export const alertConditionSchema = z
  .strictObject({
    value: streamExpressionSchema.optional().describe('What is compared with above or below.'),
    above: z.number().optional(),
    below: z.number().optional(),
    clearAt: z
      .number()
      .optional()
      .describe('It is over at or beyond this; by default at the threshold. In between nothing changes.'),
    condition: streamExpressionSchema.optional().describe('Instead of value: it is wrong while this is true.'),
    clear: streamExpressionSchema
      .optional()
      .describe('With condition: it is over when this is true; by default when condition is not.'),
  })
  .superRefine(({ value, above, below, clearAt, condition, clear }, context) => {
    const fault = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if ((value === undefined) === (condition === undefined)) fault('value', 'exactly one of value and condition');
    if (value !== undefined && (above === undefined) === (below === undefined)) {
      fault('above', 'exactly one of above and below');
    }
    if (condition !== undefined && (above ?? below ?? clearAt) !== undefined) {
      fault('condition', 'above, below and clearAt go with value');
    }
    if (value !== undefined && clear !== undefined) fault('clear', 'clear goes with condition; value has clearAt');
    if (clearAt !== undefined && (clearAt > (above ?? Infinity) || clearAt < (below ?? -Infinity))) {
      fault('clearAt', 'clearAt lies on the good side of the threshold');
    }
  })
  .meta({ id: 'AlertCondition' });
export type AlertCondition = z.infer<typeof alertConditionSchema>;

export const labelTermsSchema = z
  .array(
    z.strictObject({
      label: z.string().min(1).max(64),
      value: z.string().max(256).optional().describe('Absent: the label is there, whatever its value.'),
    }),
  )
  .max(8);
export type LabelTerms = z.infer<typeof labelTermsSchema>;

const notifySchema = z.strictObject({
  channels: z.array(deliveryChannelSchema).max(8).default([]),
  repeatMs: spanMs
    .min(MINUTE_MS)
    .optional()
    .describe('Told again at this interval while it fires and nobody has acknowledged it; absent: once.'),
  onResolve: z.boolean().default(true),
});

const needsCondition = (kind: AlertSource['kind']): boolean =>
  kind === 'readings' || kind === 'predictions' || kind === 'window';

export const alertRuleSchema = z
  .strictObject({
    name: alertRuleNameSchema,
    description: z.string().max(500).default(''),
    severity: severitySchema.default('warning'),
    on: alertSourceSchema,
    labels: labelTermsSchema.default([]).describe('Only devices that carry all of these.'),
    where: streamExpressionSchema.optional().describe('Only what this is true for is looked at.'),
    when: alertConditionSchema.optional(),
    forMs: spanMs.default(0).describe('It fires when it was wrong for so long, in event time, without a break.'),
    clearForMs: spanMs.default(0).describe('It is resolved when it was over for so long.'),
    quietMs: spanMs
      .min(1_000)
      .optional()
      .describe('Resolved when for so long nothing came that was wrong; 15 minutes where only events say so.'),
    maxAgeMs: spanMs.default(15 * MINUTE_MS).describe('What is older than this when it arrives is history.'),
    historical: z.boolean().default(false).describe('History counts too.'),
    notify: notifySchema.prefault({}),
    isEnabled: z.boolean().default(true),
  })
  .refine(({ on, when }) => when !== undefined || !needsCondition(on.kind), {
    message: 'readings, predictions and windows need a condition',
    path: ['when'],
  })
  .refine(
    ({ on, when, where, forMs, clearForMs, quietMs }) => {
      const hasMore = when !== undefined || where !== undefined || quietMs !== undefined || forMs > 0 || clearForMs > 0;
      return on.kind !== 'absence' || !hasMore;
    },
    {
      message: 'absence is a condition by itself; it takes no when, where, forMs, clearForMs and quietMs',
      path: ['on'],
    },
  )
  .meta({
    id: 'AlertRule',
    examples: [
      {
        name: 'pump-hot',
        severity: 'alarm',
        on: { kind: 'readings', source: 'pump' },
        when: { value: 'Temperature', above: 80, clearAt: 70 },
        forMs: 30_000,
        notify: { channels: [{ type: 'webhook', url: 'https://example.org/hook' }], repeatMs: 3_600_000 },
      },
    ],
  });
export type AlertRule = z.infer<typeof alertRuleSchema>;

export { DEFAULT_QUIET_MS } from './quiet-time.ts';
