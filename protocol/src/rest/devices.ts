/** Devices as the HTTP API shows them: registry entry, one state word with why and since when, twin, commands. */
import { z } from 'zod';
import { commandNameSchema, commandStateSchema } from '../command.ts';
import { deviceIdSchema, instantSchema } from '../identifiers.ts';
import { modelReferenceSchema } from '../records/prediction.ts';
import { jsonObjectSchema } from '../twin.ts';
import { pageOf, pageQuerySchema } from './page.ts';

/** One word per device. `unknown`: the server restarted and the device has not spoken since. */
export const deviceStateSchema = z
  .enum(['online', 'degraded', 'offline', 'unknown', 'updating', 'quarantined', 'never-seen'])
  .meta({ id: 'DeviceState' });
export type DeviceState = z.infer<typeof deviceStateSchema>;

const labelKey = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/);
export const labelsSchema = z
  .record(labelKey, z.string().max(128))
  .meta({ id: 'Labels', examples: [{ site: 'north' }] });
export type Labels = z.infer<typeof labelsSchema>;

export const deviceSchema = z
  .object({
    deviceId: deviceIdSchema,
    state: deviceStateSchema,
    why: z.string().describe('A sentence.'),
    since: instantSchema,
    labels: labelsSchema,
    hardwareClass: z.string().nullable(),
    agentVersion: z.string().nullable(),
    models: z.array(modelReferenceSchema),
    firstSeenAt: instantSchema.nullable(),
    lastSeenAt: instantSchema.nullable(),
    clockOffsetMs: z.number().nullable(),
    outboxDepth: z.int().nullable().describe('Records waiting on the device, as it last reported.'),
    twinVersion: z.int().min(0),
    appliedTwinVersion: z.int().min(0),
    revision: z.int().min(0).describe('Also the ETag.'),
  })
  .meta({ id: 'Device' });
export type Device = z.infer<typeof deviceSchema>;

export const deviceQuerySchema = pageQuerySchema.extend({
  state: deviceStateSchema.optional(),
  labels: z
    .string()
    .max(512)
    .optional()
    .describe('key=value, or key for presence; several separated by commas must all hold.'),
  search: z.string().max(64).optional().describe('Substring of the id.'),
});
export const devicePageSchema = pageOf(deviceSchema).meta({ id: 'DevicePage' });
export const devicePatchSchema = z
  .strictObject({ labels: z.record(labelKey, z.string().max(128).nullable()).optional() })
  .meta({ id: 'DevicePatch', examples: [{ labels: { site: 'north' } }] });
export const deviceCreateSchema = z
  .strictObject({ deviceId: deviceIdSchema, labels: labelsSchema.default({}) })
  .meta({ id: 'DeviceCreate', examples: [{ deviceId: 'pump-07', labels: { site: 'north' } }] });

export const twinSchema = z
  .object({
    deviceId: deviceIdSchema,
    version: z.int().min(0),
    desired: jsonObjectSchema,
    reported: jsonObjectSchema,
    reportedAt: instantSchema.nullable(),
    appliedVersion: z.int().min(0),
    delta: jsonObjectSchema.describe('What is desired and not yet reported so.'),
  })
  .meta({ id: 'Twin' });
export type Twin = z.infer<typeof twinSchema>;

/** RFC 7396 merge patch on the desired state; `If-Match` (or `version`) guards against a lost update: 409 when stale. */
export const twinPatchSchema = z.strictObject({ desired: jsonObjectSchema, version: z.int().min(0).optional() }).meta({
  id: 'TwinPatch',
  examples: [{ desired: { models: { 'pump-anomaly': { thresholds: { score: 1.4 } } } }, version: 3 }],
});

export const commandCreateSchema = z
  .strictObject({
    name: commandNameSchema,
    parameters: jsonObjectSchema.optional(),
    timeoutMs: z.int().min(100).max(86_400_000).default(30_000).describe('Milliseconds until the command expires.'),
  })
  .meta({ id: 'CommandCreate', examples: [{ name: 'ping', timeoutMs: 5000 }] });

export const deviceCommandSchema = z
  .object({
    commandId: z.string(),
    deviceId: deviceIdSchema,
    name: commandNameSchema,
    state: commandStateSchema,
    parameters: jsonObjectSchema.nullable(),
    createdAt: instantSchema,
    createdBy: z.string(),
    expiresAt: instantSchema,
    sentAt: instantSchema.nullable(),
    acknowledgedAt: instantSchema.nullable(),
    finishedAt: instantSchema.nullable(),
    result: jsonObjectSchema.nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'DeviceCommand' });
export type DeviceCommand = z.infer<typeof deviceCommandSchema>;
export const deviceCommandPageSchema = pageOf(deviceCommandSchema).meta({ id: 'DeviceCommandPage' });
