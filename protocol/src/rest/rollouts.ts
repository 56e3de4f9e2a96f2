/** Rollouts as the HTTP API shows them: state with its cause, stages with their counts, devices, and the timeline. */
import { z } from 'zod';
import { deviceIdSchema, instantSchema } from '../identifiers.ts';
import { rolloutDefinitionSchema } from '../rollouts/rollout-definition.ts';
import { pageOf, pageQuerySchema } from './page.ts';

export const rolloutIdSchema = z
  .string()
  .regex(/^r-[0-9a-f]{16}$/, 'a rollout id is "r-" and 16 hex digits')
  .meta({ id: 'RolloutId', examples: ['r-9f86d081884c7d65'] });

export const ROLLOUT_STATES = [
  'draft',
  'pending-approval',
  'scheduled',
  'running',
  'paused',
  'rolling-back',
  'completed',
  'rolled-back',
  'aborted',
] as const;
export const rolloutStateSchema = z.enum(ROLLOUT_STATES).meta({ id: 'RolloutState' });
export type RolloutState = z.infer<typeof rolloutStateSchema>;

/** Of one device in a rollout. `late`: offline; `held`: somebody on its machine holds updates; both neither block a gate nor pass it. `drifted`: it reported success and runs something else. */
export const ROLLOUT_DEVICE_STATES = [
  'pending',
  'assigned',
  'late',
  'held',
  'succeeded',
  'failed',
  'drifted',
  'canceled',
  'superseded',
  'rolling-back',
  'rolled-back',
  'rollback-failed',
  'control',
] as const;
export const rolloutDeviceStateSchema = z.enum(ROLLOUT_DEVICE_STATES).meta({ id: 'RolloutDeviceState' });
export type RolloutDeviceState = z.infer<typeof rolloutDeviceStateSchema>;

export const rolloutCauseSchema = z
  .object({
    code: z.string().max(64),
    message: z.string().max(512),
    until: instantSchema
      .optional()
      .describe('Of UPDATE_HELD: when the hold ends by itself, by the clock of the device.'),
  })
  .meta({ id: 'RolloutCause' });
export type RolloutCause = z.infer<typeof rolloutCauseSchema>;

const countsSchema = z.partialRecord(rolloutDeviceStateSchema, z.int().min(0)).describe('State → devices.');

export const rolloutStageSchema = z
  .object({
    stage: z.int().min(1),
    devices: z.int().min(0),
    counts: countsSchema,
    openedAt: instantSchema.nullable(),
    soakingSince: instantSchema.nullable().describe('Since when its gate holds.'),
    passedAt: instantSchema.nullable(),
    waitsFor: z.string().nullable().describe('What the gate still wants, for people.'),
  })
  .meta({ id: 'RolloutStage' });
export type RolloutStage = z.infer<typeof rolloutStageSchema>;

export const rolloutSchema = z
  .object({
    rolloutId: rolloutIdSchema,
    name: z.string(),
    model: z.string(),
    version: z.string(),
    state: rolloutStateSchema,
    cause: rolloutCauseSchema.nullable().describe('Why it is paused, rolled back or aborted.'),
    stage: z.int().min(0).describe('The one that runs, from 1; 0 before the start.'),
    stages: z.array(rolloutStageSchema),
    control: z.int().min(0).describe('Devices kept back to compare with.'),
    digest: z.string().describe("sha256 of the bundle's manifest: what a device must report to run."),
    createdAt: instantSchema,
    createdBy: z.string(),
    approvedBy: z.string().nullable(),
    startedAt: instantSchema.nullable(),
    finishedAt: instantSchema.nullable(),
    revision: z.int().min(1).describe('Also the ETag; grows with every change of the rollout itself.'),
    definition: rolloutDefinitionSchema,
  })
  .meta({
    id: 'Rollout',
    examples: [
      {
        rolloutId: 'r-9f86d081884c7d65',
        name: 'pump-anomaly 1.1.0',
        model: 'pump-anomaly',
        version: '1.1.0',
        state: 'running',
        cause: null,
        stage: 1,
        stages: [
          {
            stage: 1,
            devices: 20,
            counts: { assigned: 4, succeeded: 15, late: 1 },
            openedAt: 1760000000200,
            soakingSince: null,
            passedAt: null,
            waitsFor: '4 more to execute; 1 are offline',
          },
        ],
        control: 0,
        digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        createdAt: 1760000000123,
        createdBy: 'operator:local',
        approvedBy: null,
        startedAt: 1760000000200,
        finishedAt: null,
        revision: 3,
        definition: rolloutDefinitionSchema.parse({
          name: 'pump-anomaly 1.1.0',
          model: 'pump-anomaly',
          version: '1.1.0',
        }),
      },
    ],
  });
export type Rollout = z.infer<typeof rolloutSchema>;
export const rolloutPageSchema = pageOf(rolloutSchema).meta({ id: 'RolloutPage' });
export const rolloutQuerySchema = pageQuerySchema.extend({
  state: rolloutStateSchema.optional(),
  model: z.string().max(63).optional(),
});

export const rolloutDeviceSchema = z
  .object({
    deviceId: deviceIdSchema,
    stage: z.int().min(0).describe('0: control.'),
    state: rolloutDeviceStateSchema,
    hardwareClass: z.string(),
    runs: z.string().nullable().describe('Version that the device reports to run now.'),
    ranBefore: z.string().nullable(),
    assignedAt: instantSchema.nullable(),
    executedAt: instantSchema.nullable(),
    updateState: z.string().nullable().describe('Where the update stands on the device, as it last reported.'),
    cause: rolloutCauseSchema.nullable(),
  })
  .meta({ id: 'RolloutDevice' });
export type RolloutDevice = z.infer<typeof rolloutDeviceSchema>;
export const rolloutDevicePageSchema = pageOf(rolloutDeviceSchema).meta({ id: 'RolloutDevicePage' });
export const rolloutDeviceQuerySchema = pageQuerySchema.extend({ state: rolloutDeviceStateSchema.optional() });

export const rolloutEventSchema = z
  .object({
    number: z.int().min(1),
    at: instantSchema,
    kind: z.string().describe('For example stage.opened, device.failed, paused.'),
    stage: z.int().min(0),
    deviceId: deviceIdSchema.nullable(),
    by: z.string().describe('Who did it; system:server for what the machine decided.'),
    cause: rolloutCauseSchema.nullable(),
  })
  .meta({ id: 'RolloutEvent' });
export type RolloutEvent = z.infer<typeof rolloutEventSchema>;
export const rolloutEventPageSchema = pageOf(rolloutEventSchema).meta({ id: 'RolloutEventPage' });

export const rolloutCreateSchema = rolloutDefinitionSchema
  .extend({ start: z.boolean().default(true).describe('false: it stays a draft until it is started.') })
  .meta({ id: 'RolloutCreate' });

/** What a rollout would do now; nothing is saved. Stages are drawn when it starts, so names may differ, counts do not. */
export const rolloutPlanSchema = z
  .object({
    release: z.object({ version: z.string(), digest: z.string(), releaseCounter: z.int(), lengthBytes: z.int() }),
    matching: z.int().min(0),
    stages: z.array(
      z.object({
        stage: z.int().min(1),
        devices: z.int().min(0),
        offline: z.int().min(0),
        byHardwareClass: z.record(z.string(), z.int()),
      }),
    ),
    control: z.int().min(0),
    notReached: z.int().min(0).describe('Of the cohort, in no stage.'),
    excluded: z.array(z.object({ deviceId: deviceIdSchema, cause: rolloutCauseSchema })).describe('At most 100.'),
    excludedBy: z.record(z.string(), z.int()).describe('Code → devices.'),
    supersedes: z.array(rolloutIdSchema).describe('Open rollouts of the same model, whose devices it takes over.'),
  })
  .meta({ id: 'RolloutPlan' });
export type RolloutPlan = z.infer<typeof rolloutPlanSchema>;

export const rolloutRemarkSchema = z
  .strictObject({ note: z.string().max(500).default('') })
  .meta({ id: 'RolloutRemark', examples: [{ note: 'looks odd' }] });
export const rolloutRollbackSchema = rolloutRemarkSchema
  .extend({ scope: z.enum(['stage', 'all']).default('all') })
  .meta({ id: 'RolloutRollback', examples: [{ scope: 'all', note: 'too slow' }] });
