/** Nightly scoring over HTTP: runs, each one execution of a job, and what is asked of them. */
import { z } from 'zod';
import { entityIdSchema } from '../features/entity-view.ts';
import { instantSchema } from '../identifiers.ts';
import { pageOf, pageQuerySchema } from './page.ts';
import { scoringBackfillIdSchema, scoringJobNameSchema, scoringRunIdSchema, scoringRunModelSchema } from './scoring.ts';

export const SCORING_STATES = ['queued', 'running', 'validating', 'published', 'failed', 'canceled', 'paused'] as const;
export const scoringStateSchema = z.enum(SCORING_STATES).meta({ id: 'ScoringState' });
export type ScoringState = z.infer<typeof scoringStateSchema>;

const count = z.int().min(0);

/** A quantile sketch as `models` serializes it. */
const sketchSchema = z.object({ sketch: z.string(), count, min: z.number(), max: z.number(), sum: z.number() });

/** What a finished run holds, read back from what was stored: the ground for publishing it. */
export const scoringSummarySchema = z
  .object({
    expected: count.describe('Entities of the input.'),
    rows: count.describe('Of these that have scores.'),
    quarantined: count,
    checksum: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('sha256 over entities and scores in the order of the entities; however the run was cut up.'),
    columns: z.array(
      z.object({
        name: z.string(),
        nan: count.describe('Scores that are no finite number.'),
        distribution: sketchSchema.describe('Of the finite ones.'),
      }),
    ),
    canaries: z
      .array(z.object({ entity: entityIdSchema, output: z.string(), value: z.number().nullable() }))
      .describe("In the order of the job's; null when there is no score."),
  })
  .meta({ id: 'ScoringSummary' });
export type ScoringSummary = z.infer<typeof scoringSummarySchema>;

export const scoringProgressSchema = z
  .object({
    expected: count.nullable().describe('null until the entities are counted.'),
    done: count.describe('Rows that are committed: scored, carried over or quarantined.'),
    scored: count.describe('Of these the ones that the model was given and that have scores.'),
    carried: count.describe('Of these the ones whose features did not change, with the scores of `base`.'),
    quarantined: count,
    partitions: count,
    partitionsDone: count,
    rowsPerS: z.number().min(0).describe('Lately; 0 while it does not run.'),
    etaS: z.number().min(0).nullable(),
  })
  .meta({ id: 'ScoringProgress' });
export type ScoringProgress = z.infer<typeof scoringProgressSchema>;

export const scoringRunSchema = z
  .object({
    id: scoringRunIdSchema.describe('Of job, model digest, as-of instant and input: the same again is the same run.'),
    job: scoringJobNameSchema,
    state: scoringStateSchema,
    isPublished: z.boolean().describe('It is the one that is read now.'),
    model: scoringRunModelSchema,
    asOf: instantSchema,
    input: z.string().describe('What names the input: the hash of a view, of a list of devices, or of a file.'),
    mode: z.enum(['full', 'incremental']),
    base: scoringRunIdSchema
      .nullable()
      .describe('The published run whose scores are carried over; null where every entity is scored.'),
    backfill: scoringBackfillIdSchema
      .nullable()
      .describe('The backfill it belongs to: it waits for whatever is due now.'),
    attempts: count.describe('Times it was taken up.'),
    createdAt: instantSchema,
    startedAt: instantSchema.nullable(),
    finishedAt: instantSchema.nullable(),
    publishedAt: instantSchema.nullable().describe('When it was first published.'),
    progress: scoringProgressSchema,
    hasScores: z.boolean().describe('Its scores are kept, and it can be rolled back to.'),
    summary: scoringSummarySchema.nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({
    id: 'ScoringRun',
    examples: [
      {
        id: 'r-9f86d081884c7d659a2f',
        job: 'pump-health',
        state: 'running',
        isPublished: false,
        model: { name: 'pump-health', version: '1.0.0', digest: '9f86d081884c7d659a2feaa0c55ad015' },
        asOf: 1760000000000,
        input: 'view:42f51a2b36dc3ee83ef7b62db5f0d71292b335e8a4df7581a8d818caebfb9f5c',
        mode: 'full',
        base: null,
        backfill: null,
        attempts: 1,
        createdAt: 1760000000100,
        startedAt: 1760000000200,
        finishedAt: null,
        publishedAt: null,
        progress: {
          expected: 1000000,
          done: 409600,
          scored: 409598,
          carried: 0,
          quarantined: 2,
          partitions: 16,
          partitionsDone: 6,
          rowsPerS: 180000,
          etaS: 3.3,
        },
        hasScores: false,
        summary: null,
        error: null,
      },
    ],
  });
export type ScoringRun = z.infer<typeof scoringRunSchema>;
export const scoringRunPageSchema = pageOf(scoringRunSchema).meta({ id: 'ScoringRunPage' });

export const scoringRunQuerySchema = pageQuerySchema.extend({
  job: scoringJobNameSchema.optional(),
  state: scoringStateSchema.optional(),
  backfill: scoringBackfillIdSchema
    .optional()
    .describe('Runs of its days, those that were there before it among them.'),
});

/** May be left out as a whole. */
export const scoringSubmitSchema = z
  .strictObject({ asOf: instantSchema.optional().describe('The instant the run is for. Absent: now.') })
  .meta({ id: 'ScoringSubmit', examples: [{}, { asOf: 1760000000000 }] });
export type ScoringSubmit = z.infer<typeof scoringSubmitSchema>;

export const scoringPlanSchema = z
  .object({
    job: scoringJobNameSchema,
    runId: scoringRunIdSchema.describe('What the run would be called.'),
    isKnown: z.boolean().describe('There is this run already: submitting changes nothing, or goes on with it.'),
    model: scoringRunModelSchema,
    asOf: instantSchema,
    input: z.string(),
    entities: count,
    partitions: count,
    estimateS: z.number().min(0).nullable().describe("By the job's last complete run; null when there is none."),
  })
  .meta({ id: 'ScoringPlan' });
export type ScoringPlan = z.infer<typeof scoringPlanSchema>;

export const scoringPublishSchema = z
  .strictObject({
    runId: scoringRunIdSchema,
    force: z.boolean().default(false).describe('Also when its validation failed.'),
  })
  .meta({ id: 'ScoringPublish', examples: [{ runId: 'r-9f86d081884c7d659a2f' }] });
export type ScoringPublish = z.infer<typeof scoringPublishSchema>;

/** May be left out as a whole. */
export const scoringRollbackSchema = z
  .strictObject({ runId: scoringRunIdSchema.optional().describe('Absent: the one that was published before.') })
  .meta({ id: 'ScoringRollback', examples: [{}] });

/** For what has no body. */
export const scoringOrderSchema = z.strictObject({}).meta({ id: 'ScoringOrder', examples: [{}] });
