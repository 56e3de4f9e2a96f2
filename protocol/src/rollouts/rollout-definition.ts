/** A rollout as people write it: which release, to whom, in which stages, and what stops it. */
import { z } from 'zod';
import { instantSchema } from '../identifiers.ts';
import { assignedModelSchema } from '../model-update.ts';
import { backtestGateSchema } from './backtest-gate.ts';

const fields = assignedModelSchema.shape;
const percent = z.number().min(0).max(100);

/** What devices of a stage must show before the next one opens. Counted are devices that executed: those whose update came to an end. */
export const rolloutGateSchema = z
  .strictObject({
    minExecuted: z
      .int()
      .min(1)
      .optional()
      .describe('Devices that must have executed; absent: every device of the stage that is online.'),
    maxFailures: z.int().min(0).default(0).describe('More failures stop the rollout, however few have executed.'),
    maxFailurePercent: percent
      .optional()
      .describe('More of those executed stop it, once minExecuted (or all that are online) have.'),
    soakMs: z
      .int()
      .min(0)
      .max(2_592_000_000)
      .default(0)
      .describe('Time for which everything must hold before the next stage opens.'),
    minAgreementPpm: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe('Agreement with the model in force over all shadow windows of the stage, of a million.'),
    maxP95Ms: z.number().positive().optional().describe('Median over the devices of the p95 latency of the self-test.'),
    maxExcessUnwellPercent: percent
      .optional()
      .describe('Updated devices that are degraded, lost or started anew may be so many points more than in control.'),
    onFailure: z
      .enum(['pause', 'rollback-stage', 'rollback-all'])
      .default('pause')
      .describe('pause also takes back what no device has activated yet.'),
  })
  .meta({ id: 'RolloutGate' });
export type RolloutGate = z.infer<typeof rolloutGateSchema>;

const stageSchema = z.strictObject({
  to: z
    .union([
      z.strictObject({ percent: percent.gt(0) }).describe('Of the cohort, together with the stages before.'),
      z.strictObject({ devices: z.int().min(1).max(1_000_000) }).describe('Together with the stages before.'),
    ])
    .describe('How far the rollout has come when this stage is through.'),
  gate: rolloutGateSchema.prefault({}),
});

export const rolloutDefinitionSchema = z
  .strictObject({
    name: z.string().min(1).max(64),
    model: fields.name,
    version: fields.version,
    cohort: z
      .strictObject({
        labels: z
          .string()
          .max(512)
          .optional()
          .describe('As in the list of devices: key=value or key, separated by commas; all devices when absent.'),
        kind: z
          .enum(['frozen', 'open'])
          .default('frozen')
          .describe('open: devices that come to match later join the stage that runs then.'),
        controlPercent: percent
          .max(50)
          .default(0)
          .describe('Of the cohort, kept back from every stage, to compare with.'),
      })
      .prefault({}),
    stages: z
      .array(stageSchema)
      .min(1)
      .max(20)
      .default([{ to: { percent: 100 }, gate: rolloutGateSchema.parse({}) }]),
    gates: z
      .strictObject({ backtest: backtestGateSchema.optional() })
      .optional()
      .describe('What must hold before it starts; without it the start is refused.'),
    timeoutMs: z
      .int()
      .min(1_000)
      .max(2_592_000_000)
      .default(3_600_000)
      .describe('A device that has begun, or is online, and is not through by then has failed.'),
    rate: z
      .strictObject({
        perMinute: z.int().min(1).max(100_000),
        doublesEvery: z
          .int()
          .min(1)
          .optional()
          .describe('Devices that succeed until the rate doubles; absent: it stays.'),
        maxPerMinute: z.int().min(1).max(1_000_000).optional(),
      })
      .optional(),
    approval: z.enum(['none', 'required']).default('none').describe('required: by somebody else than who made it.'),
    startAt: instantSchema.optional(),
    window: fields.window,
    downloadBytesPerS: fields.downloadBytesPerS,
    jitterSeconds: fields.jitterSeconds,
    source: fields.source,
    shadow: fields.shadow.prefault({ minWindows: 0, maxSeconds: 3_600, minAgreementPpm: 0 }),
    probation: fields.probation.prefault({ minInferences: 1, minSeconds: 0, maxSeconds: 3_600 }),
    floor: z
      .int()
      .min(1)
      .optional()
      .describe(
        'From its assignment on a device refuses releases with a lower counter, for ever; no way back below it.',
      ),
  })
  .meta({
    id: 'RolloutDefinition',
    examples: [
      {
        name: 'pump-anomaly 1.1.0 to the north',
        model: 'pump-anomaly',
        version: '1.1.0',
        cohort: { labels: 'site=north' },
        stages: [
          { to: { percent: 5 }, gate: { soakMs: 600_000 } },
          { to: { percent: 100 }, gate: { maxFailures: 3 } },
        ],
      },
    ],
  });
export type RolloutDefinition = z.infer<typeof rolloutDefinitionSchema>;
