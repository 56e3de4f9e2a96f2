/** Alerts over HTTP: what is wrong now and was, rules, silences, and what a rule would have told. */
import { z } from 'zod';
import { alertRuleNameSchema, alertRuleSchema, labelTermsSchema } from '../alerts/alert-rule.ts';
import { deviceIdSchema, instantSchema } from '../identifiers.ts';
import { severitySchema } from '../records/event.ts';
import { pageOf, pageQuerySchema } from './page.ts';

export const alertIdSchema = z
  .string()
  .regex(/^a-[0-9a-f]{4,8}-\d{1,15}$/, 'an alert id looks like a-3f9c-17')
  .meta({ id: 'AlertId', examples: ['a-3f9c-17'] });

export const ALERT_STATES = ['pending', 'firing', 'resolved'] as const;
const stateSchema = z
  .enum(ALERT_STATES)
  .describe('pending: wrong, but not for as long as the rule wants; it goes without a trace when it is over before.');
export type AlertState = z.infer<typeof stateSchema>;

const scalarSchema = z.union([z.number(), z.string(), z.boolean(), z.null()]);

export const alertSchema = z
  .object({
    alertId: alertIdSchema,
    rule: alertRuleNameSchema,
    severity: severitySchema,
    key: z.string().describe('A device, or the key of a window.'),
    deviceId: deviceIdSchema.nullable(),
    state: stateSchema,
    since: instantSchema.describe('Event time at which it began to be wrong.'),
    firedAt: instantSchema.nullable().describe('Event time at which it had been wrong for long enough.'),
    resolvedAt: instantSchema.nullable(),
    resolution: z
      .string()
      .nullable()
      .describe('over, revised, quiet, heard, device-removed, rule-changed, rule-removed or by-hand.'),
    value: scalarSchema.describe('What was looked at when its state changed last; of an absence, seconds.'),
    acknowledgedBy: z.string().nullable(),
    acknowledgedAt: instantSchema.nullable(),
    notifiedAt: instantSchema.nullable().describe('When people were told last that it fires; null: nobody was.'),
    clockBad: z.boolean().describe('The clock of the device was wrong: times are those of receipt.'),
    historical: z.boolean().describe('It was history when it arrived.'),
    revision: z.int().min(1).describe('One more with every change.'),
    updatedAt: instantSchema,
  })
  .meta({
    id: 'Alert',
    examples: [
      {
        alertId: 'a-3f9c-17',
        rule: 'pump-hot',
        severity: 'alarm',
        key: 'pump-07',
        deviceId: 'pump-07',
        state: 'firing',
        since: 1760000000123,
        firedAt: 1760000030123,
        resolvedAt: null,
        resolution: null,
        value: 84.5,
        acknowledgedBy: null,
        acknowledgedAt: null,
        notifiedAt: 1760000030456,
        clockBad: false,
        historical: false,
        revision: 2,
        updatedAt: 1760000030456,
      },
    ],
  });
export type Alert = z.infer<typeof alertSchema>;
export const alertPageSchema = pageOf(alertSchema).meta({ id: 'AlertPage' });

export const alertEntrySchema = z
  .object({
    at: instantSchema.describe('By the clock of the server.'),
    what: z.string().describe('pended, fired, resolved, notified, silenced, acknowledged or noted.'),
    eventAt: instantSchema.nullable(),
    value: scalarSchema,
    by: z.string().nullable(),
    note: z.string().nullable(),
  })
  .meta({ id: 'AlertEntry' });
export type AlertEntry = z.infer<typeof alertEntrySchema>;

export const alertDetailSchema = alertSchema
  .extend({ history: z.array(alertEntrySchema).describe('Oldest first; the latest 1,000.') })
  .meta({ id: 'AlertDetail' });
export type AlertDetail = z.infer<typeof alertDetailSchema>;

export const alertQuerySchema = pageQuerySchema.extend({
  state: z
    .enum([...ALERT_STATES, 'open'])
    .optional()
    .describe('open: pending or firing.'),
  severity: severitySchema.optional(),
  rule: alertRuleNameSchema.optional(),
  key: z.string().max(256).optional(),
  from: z.coerce.number().int().min(0).optional().describe('Began at or after this, in event time.'),
  to: z.coerce.number().int().min(0).optional().describe('Began before this.'),
});
export type AlertQuery = z.infer<typeof alertQuerySchema>;

export const alertNoteSchema = z
  .strictObject({ note: z.string().max(1_000).default('') })
  .meta({ id: 'AlertNote', examples: [{ note: 'looking at it' }] });

export const alertRuleDocumentSchema = z
  .object({
    name: alertRuleNameSchema,
    rule: alertRuleSchema,
    revision: z.int().min(1).describe('Also the ETag.'),
    updatedAt: instantSchema,
  })
  .meta({ id: 'AlertRuleDocument' });
export type AlertRuleDocument = z.infer<typeof alertRuleDocumentSchema>;
export const alertRulePageSchema = pageOf(alertRuleDocumentSchema).meta({ id: 'AlertRulePage' });

export const alertRuleStatusSchema = z
  .object({
    name: alertRuleNameSchema,
    firing: z.int().min(0),
    pending: z.int().min(0),
    considered: z.int().min(0).describe('Samples that decided.'),
    late: z.int().min(0).describe('Samples made before one that was looked at already.'),
    historical: z.int().min(0).describe('Samples older than maxAgeMs when they arrived.'),
  })
  .meta({ id: 'AlertRuleStatus' });
export type AlertRuleStatus = z.infer<typeof alertRuleStatusSchema>;

export const alertPreviewSchema = z
  .strictObject({
    rule: alertRuleSchema,
    from: instantSchema.optional().describe('Event time; absent: 7 days ago.'),
    to: instantSchema.optional(),
    limit: z.int().min(1).max(1_000).default(100).describe('Firings shown.'),
  })
  .meta({
    id: 'AlertPreview',
    examples: [
      { rule: { name: 'pump-hot', on: { kind: 'readings' }, when: { value: 'Temperature', above: 80, clearAt: 70 } } },
    ],
  });
export type AlertPreview = z.infer<typeof alertPreviewSchema>;

const firingSchema = z.object({
  key: z.string(),
  since: instantSchema,
  firedAt: instantSchema,
  resolvedAt: instantSchema.nullable().describe('null: it would fire still.'),
  value: scalarSchema,
  clockBad: z.boolean(),
});
export const alertPreviewAnswerSchema = z
  .object({
    sentence: z.string(),
    count: z.int().min(0).describe('Times that it would have fired.'),
    keyCount: z.int().min(0),
    firings: z.array(firingSchema).describe('By the time of firing.'),
    from: instantSchema,
    to: instantSchema,
    recordsRead: z.int().min(0).describe('Or windows.'),
    isComplete: z.boolean().describe('false: more is stored than a dry run reads; narrow it with from and to.'),
  })
  .meta({ id: 'AlertPreviewAnswer' });
export type AlertPreviewAnswer = z.infer<typeof alertPreviewAnswerSchema>;

export const silenceIdSchema = z
  .string()
  .regex(/^s-[0-9a-f]{8,32}$/, 'a silence id looks like s-5b1e90aa')
  .meta({ id: 'SilenceId', examples: ['s-5b1e90aa'] });

export const silenceCreateSchema = z
  .strictObject({
    rule: alertRuleNameSchema.optional(),
    key: z.string().min(1).max(256).optional().describe('A device, or the key of a window.'),
    labels: labelTermsSchema.default([]).describe('Of the device; each has to match.'),
    until: instantSchema,
    note: z.string().max(1_000).default(''),
  })
  .refine(({ rule, key, labels }) => rule !== undefined || key !== undefined || labels.length > 0, {
    message: 'a silence names a rule, a key or labels',
    path: ['rule'],
  })
  .meta({ id: 'SilenceCreate', examples: [{ key: 'pump-07', until: 1760003600000, note: 'it is being repaired' }] });
export type SilenceCreate = z.infer<typeof silenceCreateSchema>;

export const silenceSchema = z
  .object({
    silenceId: silenceIdSchema,
    rule: alertRuleNameSchema.nullable(),
    key: z.string().nullable(),
    labels: labelTermsSchema,
    until: instantSchema,
    note: z.string(),
    by: z.string(),
    createdAt: instantSchema,
    revision: z.int().min(1).describe('Always 1: a silence is made and ended. Also the ETag.'),
  })
  .meta({ id: 'Silence' });
export type Silence = z.infer<typeof silenceSchema>;
export const silencePageSchema = pageOf(silenceSchema).meta({ id: 'SilencePage' });
