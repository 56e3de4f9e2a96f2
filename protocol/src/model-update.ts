/** Updates of models on devices: what the fleet assigns, signed, and what a device reports of it. */
import { z } from 'zod';
import { deviceIdSchema, instantSchema } from './identifiers.ts';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const modelNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const ppm = z.int().min(0).max(1_000_000);

/** How long and how well a candidate must do beside the model in force before it takes over; integers only, for they are signed. */
const shadowRuleSchema = z.strictObject({
  minWindows: z.int().min(0).max(1_000_000).describe('0 takes over without a shadow.'),
  maxSeconds: z.int().min(1).max(2_592_000).describe('After this long without enough windows the update fails.'),
  minAgreementPpm: ppm.describe('Windows with the same label, of a million.'),
});
const probationRuleSchema = z.strictObject({
  minInferences: z.int().min(0).max(1_000_000),
  minSeconds: z.int().min(0).max(2_592_000),
  maxSeconds: z.int().min(1).max(2_592_000),
});

/** One model that a device is to run. */
export const assignedModelSchema = z
  .strictObject({
    deploymentId: z.string().min(1).max(64),
    name: modelNameSchema,
    version: z.string().min(1).max(64),
    target: z.string().max(256).describe('Path in the targets of the repository: models/{name}/{version}/{sha256}.'),
    sha256: sha256Schema.describe('Of the packed bundle.'),
    lengthBytes: z.int().min(1),
    releaseCounter: z.int().min(1),
    source: z
      .array(z.string().min(1).max(64))
      .max(16)
      .optional()
      .describe('Sensors that it looks at, where the device has no model of this name yet.'),
    notBefore: instantSchema.optional(),
    window: z
      .strictObject({ fromMinute: z.int().min(0).max(1_439), minutes: z.int().min(1).max(1_440) })
      .optional()
      .describe('Maintenance window of every day, in minutes UTC.'),
    downloadBytesPerS: z.int().min(1_024).optional(),
    jitterSeconds: z
      .int()
      .min(0)
      .max(86_400)
      .default(0)
      .describe('A download begins up to this long later, drawn by device.'),
    shadow: shadowRuleSchema,
    probation: probationRuleSchema,
  })
  .meta({ id: 'AssignedModel' });
export type AssignedModel = z.infer<typeof assignedModelSchema>;

/** Everything that the director assigns to one device; signed as canonical JSON, therefore without fractions. */
export const assignmentSchema = z
  .strictObject({
    _type: z.literal('shoal-assignment'),
    deviceId: deviceIdSchema,
    counter: z.int().min(1).describe('Grows with every assignment of the device; an older one is refused.'),
    issuedAt: instantSchema,
    expires: instantSchema,
    models: z.array(assignedModelSchema).max(16),
    floors: z
      .record(modelNameSchema, z.int().min(1))
      .describe('Model → lowest release counter that may still run; a device never lowers it.'),
  })
  .meta({ id: 'Assignment' });
export type Assignment = z.infer<typeof assignmentSchema>;

/** Signatures as in TUF: hex of Ed25519 over the canonical JSON of `signed`. */
export const signedAssignmentSchema = z
  .strictObject({
    signed: assignmentSchema,
    signatures: z
      .array(z.strictObject({ keyid: z.string().regex(/^[0-9a-f]{64}$/), sig: z.string().regex(/^[0-9a-f]{128}$/) }))
      .min(1)
      .max(8),
  })
  .meta({ id: 'SignedAssignment' });
export type SignedAssignment = z.infer<typeof signedAssignmentSchema>;

/** Every state of one update on a device; the last five are terminal. */
export const UPDATE_STATES = [
  'assigned',
  'wait-window',
  'downloading',
  'verifying',
  'staged',
  'self-test',
  'shadow',
  'activating',
  'probation',
  'rolling-back',
  'committed',
  'rolled-back',
  'rejected',
  'canceled',
  'superseded',
] as const;
export const updateStateSchema = z.enum(UPDATE_STATES);
export type UpdateState = z.infer<typeof updateStateSchema>;

/** Why an update that nobody failed goes on later: somebody on the machine holds updates. */
export const UPDATE_HELD = 'UPDATE_HELD';

/** Somebody on the machine of a device says "not now"; in `reported.updateHold`. */
export const updateHoldSchema = z
  .looseObject({
    since: instantSchema,
    until: instantSchema.describe('By the clock of the device; it ends then by itself.'),
    reason: z.string().max(200).optional(),
  })
  .meta({
    id: 'UpdateHold',
    examples: [{ since: 1760000000123, until: 1760007200123, reason: 'a measurement runs' }],
  });
export type UpdateHold = z.infer<typeof updateHoldSchema>;

/** What a device tells of the update of one model, in `reported.updates`. */
export const updateReportSchema = z
  .looseObject({
    deploymentId: z.string().max(64),
    version: z.string().max(64),
    sha256: sha256Schema,
    state: updateStateSchema,
    since: instantSchema,
    cause: z
      .looseObject({
        code: z.string().max(64),
        message: z.string().max(512),
        until: instantSchema.optional().describe('Of UPDATE_HELD: when the hold ends by itself.'),
      })
      .optional()
      .describe('Why it ended, or why it waits.'),
    progress: z.looseObject({ doneBytes: z.int().min(0), totalBytes: z.int().min(0) }).optional(),
    selfTest: z.looseObject({ p50Ms: z.number(), p95Ms: z.number(), rssMb: z.number(), engine: z.string() }).optional(),
    shadow: z.looseObject({ windows: z.int().min(0), agreementPpm: ppm, p95Ms: z.number().optional() }).optional(),
    probation: z.looseObject({ inferences: z.int().min(0), failures: z.int().min(0) }).optional(),
    confirmed: z
      .boolean()
      .optional()
      .describe('Of a committed one: false until the fleet has been reached since; not a success before.'),
    floor: z.int().min(0).optional().describe('Lowest release counter the device accepts.'),
  })
  .meta({ id: 'UpdateReport' });
export type UpdateReport = z.infer<typeof updateReportSchema>;
