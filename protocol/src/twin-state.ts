/** The parts of a twin that both sides understand: what the fleet may desire of an agent and what an agent reports. */
import { z } from 'zod';
import { instantSchema } from './identifiers.ts';
import { desiredFallbackSchema } from './desired-fallback.ts';
import { desiredRuleSchema } from './local-rule.ts';
import { signedAssignmentSchema, updateHoldSchema, updateReportSchema } from './model-update.ts';

/** `desired`, as far as this version acts on it; unknown keys are kept and ignored (newer fleets). */
export const desiredConfigurationSchema = z
  .looseObject({
    models: z
      .record(
        z.string(),
        z.looseObject({
          thresholds: z
            .record(z.string(), z.number())
            .optional()
            .describe("Output or label name → threshold; replaces the bundle's default at once."),
          enabled: z.boolean().optional(),
          fallback: desiredFallbackSchema.optional(),
        }),
      )
      .optional(),
    sensors: z.record(z.string(), z.looseObject({ enabled: z.boolean().optional() })).optional(),
    rules: z
      .record(z.string().min(1).max(64), desiredRuleSchema)
      .optional()
      .describe('Rule name → rule, in place of the rule of that name in the configuration of the device.'),
    publish: z
      .looseObject({
        everyNthReading: z
          .int()
          .min(1)
          .max(100_000)
          .optional()
          .describe('Send every n-th reading (1 = all); predictions and events are always sent.'),
        maxDelayMs: z
          .int()
          .min(0)
          .max(60_000)
          .optional()
          .describe('Longest time a live record waits for others to share its message.'),
      })
      .optional(),
    updates: signedAssignmentSchema
      .optional()
      .describe('Models that the director of the fleet assigns to this device.'),
    contextRefreshMs: z.int().min(1_000).max(86_400_000).optional(),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).optional(),
  })
  .meta({
    id: 'DesiredConfiguration',
    examples: [{ models: { 'pump-anomaly': { thresholds: { score: 1.4 } } }, publish: { everyNthReading: 1 } }],
  });
export type DesiredConfiguration = z.infer<typeof desiredConfigurationSchema>;

export const healthReasonSchema = z
  .object({ code: z.string().max(64), sentence: z.string().max(512), since: instantSchema })
  .meta({ id: 'HealthReason' });
export type HealthReason = z.infer<typeof healthReasonSchema>;

/**
 * `reported`, as far as the server reads it. What is not known is absent or null: a merge patch (RFC 7396) cannot set a
 * member to null, so a member that became unknown arrives as one that is gone.
 */
export const reportedStateSchema = z
  .looseObject({
    health: z
      .looseObject({ state: z.enum(['ok', 'degraded']), reasons: z.array(healthReasonSchema).max(32) })
      .optional(),
    outbox: z
      .looseObject({
        depth: z.int().min(0),
        sizeBytes: z.int().min(0),
        dropped: z.record(z.string(), z.int().min(0)).describe('Class → records evicted since this epoch began.'),
      })
      .optional(),
    clock: z
      .looseObject({
        state: z.enum(['synchronised', 'unsynchronised']),
        offsetMs: z.number().nullish(),
        roundTripMs: z.number().min(0).nullish().describe('Shortest of the last measurements of the clock.'),
      })
      .optional(),
    models: z
      .record(
        z.string(),
        z.looseObject({
          version: z.string(),
          digest: z
            .string()
            .regex(/^[0-9a-f]{64}$/)
            .optional()
            .describe("sha256 of the bundle's manifest, hex."),
          engine: z.string().nullish(),
          state: z.enum(['ready', 'loading', 'unavailable', 'disabled']),
          thresholds: z.record(z.string(), z.number()).optional(),
          calibration: z
            .looseObject({
              state: z
                .enum(['none', 'collecting', 'calibrated', 'recalibrating'])
                .describe('recalibrating: the normal found before holds until the new one is found.'),
              windows: z.int().min(0).optional().describe('Collected so far, or learnt from.'),
              threshold: z.number().optional(),
              steady: z.boolean().optional().describe('False: the machine was too restless to be one normal.'),
              since: instantSchema.optional(),
            })
            .optional(),
          drift: z
            .looseObject({
              state: z.enum(['none', 'gathering', 'stable', 'drifted']),
              moved: z.array(z.string()).describe('Inputs and outputs that left their reference, worst first.'),
            })
            .optional(),
        }),
      )
      .optional(),
    rules: z
      .record(
        z.string(),
        z.looseObject({
          state: z.enum(['idle', 'pending', 'active', 'clearing', 'disabled']),
          activeSince: instantSchema.optional().describe('Event time.'),
          lastFiredAt: instantSchema.optional().describe('Event time.'),
          fired: z.int().min(0).describe('Since the agent started.'),
          failedActions: z.int().min(0).describe('Since the agent started.'),
        }),
      )
      .optional(),
    updates: z.record(z.string(), updateReportSchema).optional().describe('Model → its last update.'),
    updateHold: updateHoldSchema.optional().describe('While somebody on the machine holds updates.'),
    refusal: z
      .looseObject({ version: z.int(), code: z.string(), message: z.string() })
      .nullable()
      .optional()
      .describe('Why the last desired version was not applied, when it was not.'),
  })
  .meta({ id: 'ReportedState' });
export type ReportedState = z.infer<typeof reportedStateSchema>;
