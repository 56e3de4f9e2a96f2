/** Nightly scoring over HTTP: jobs, the definition of what is scored, when and with what. */
import { z } from 'zod';
import { entityIdSchema, viewNameSchema } from '../features/entity-view.ts';
import { instantSchema } from '../identifiers.ts';
import { pageOf } from './page.ts';

export const scoringJobNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a job name is 1-63 characters of a-z, 0-9 and "-", not starting with "-"')
  .meta({ id: 'ScoringJobName', examples: ['pump-health'] });

export const scoringRunIdSchema = z
  .string()
  .regex(/^r-[0-9a-f]{20}$/, 'the id of a run is "r-" and 20 lower-case hex digits')
  .meta({ id: 'ScoringRunId', examples: ['r-9f86d081884c7d659a2f'] });

export const scoringBackfillIdSchema = z
  .string()
  .regex(/^b-[0-9a-f]{20}$/, 'the id of a backfill is "b-" and 20 lower-case hex digits')
  .meta({ id: 'ScoringBackfillId', examples: ['b-9f86d081884c7d659a2f'] });

const modelText = z.string().min(1).max(128);
/** The model of a run: which one it was, whatever its name comes to mean. */
export const scoringRunModelSchema = z.object({ name: modelText, version: modelText, digest: z.string() });
const DAY_S = 86_400;

export const scoringEntitiesSchema = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('devices'),
        labels: z
          .record(z.string().min(1).max(64), z.string().max(256))
          .default({})
          .describe('Devices that carry all of these; none means every device.'),
      })
      .describe('As registered when the run is submitted.'),
    z
      .strictObject({ kind: z.literal('view'), view: viewNameSchema })
      .describe('Every entity of which the view knew anything by the as-of instant.'),
    z
      .strictObject({
        kind: z.literal('file'),
        path: z
          .string()
          .min(1)
          .max(512)
          .describe('Below the import folder of the server (scoring.importFolder); with a column `entity`.'),
        format: z.enum(['csv', 'ndjson', 'parquet']).default('csv'),
      })
      .describe('Its other columns are features by name, and what is absent is looked up.'),
  ])
  .meta({ id: 'ScoringEntities' });
export type ScoringEntities = z.infer<typeof scoringEntitiesSchema>;

/** Five fields: minute, hour, day of the month, month, day of the week. What they mean, the scheduler checks. */
const CRON = /^\S+( +\S+){4}$/;
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM, 00:00 to 23:59');

export const scoringScheduleSchema = z
  .strictObject({
    cron: z.string().min(9).max(128).regex(CRON, 'expected five fields: minute hour day month weekday'),
    zone: z.string().min(1).max(64).describe('IANA time zone the fields are read in.'),
    misfire: z
      .enum(['skip', 'once', 'all'])
      .default('once')
      .describe('Nights that passed while the server was down: leave them, make up for the last, or for all.'),
    jitterS: z.int().min(0).max(DAY_S).default(0).describe('Starts up to so many seconds later, the same each night.'),
    overlap: z
      .enum(['skip', 'queue', 'replace'])
      .default('skip')
      .describe('What becomes of a night that is due while the run before is going on.'),
    blackout: z
      .array(z.strictObject({ from: clockTime, to: clockTime }))
      .max(16)
      .default([])
      .describe('Times of the day, in the zone, when no run starts; it waits until they are over.'),
  })
  .meta({
    id: 'ScoringSchedule',
    examples: [{ cron: '30 2 * * *', zone: 'Europe/Berlin', misfire: 'once', jitterS: 300 }],
  });
export type ScoringSchedule = z.infer<typeof scoringScheduleSchema>;

/** Before a run is published. A column is an output of the model, or `output.label`, or `output.index`. */
export const scoringValidationSchema = z
  .strictObject({
    minRows: z.int().min(0).optional(),
    maxRowChangePct: z.number().min(0).optional().describe('Against the run that is published now.'),
    maxNanPct: z.number().min(0).max(100).default(0).describe('Of the scores of any column.'),
    maxPsi: z.number().min(0).optional().describe('Population stability index of any column against that run.'),
    canaries: z
      .array(z.strictObject({ entity: entityIdSchema, output: z.string().min(1), min: z.number(), max: z.number() }))
      .max(100)
      .default([])
      .describe('Entities whose score is known to lie within these.'),
  })
  .meta({ id: 'ScoringValidation', examples: [{ minRows: 1000, maxRowChangePct: 20, maxPsi: 0.25 }] });
export type ScoringValidation = z.infer<typeof scoringValidationSchema>;

export const scoringJobSchema = z
  .strictObject({
    name: scoringJobNameSchema,
    description: z.string().max(500).default(''),
    model: z.strictObject({
      name: modelText,
      version: modelText.optional().describe('Absent: the newest at the start of a run.'),
    }),
    entities: scoringEntitiesSchema,
    asOf: z
      .strictObject({
        beforeS: z
          .int()
          .min(0)
          .max(366 * DAY_S)
          .default(0)
          .describe('Features as they were known so many seconds before the instant the run is for.'),
      })
      .prefault({}),
    mode: z
      .enum(['full', 'incremental'])
      .default('full')
      .describe(
        'incremental: only entities whose features changed since the published run are given to the model, and the scores of the others are carried over; all are when the model or the view changed.',
      ),
    schedule: scoringScheduleSchema.optional().describe('Absent: runs only when it is told to.'),
    retries: z.int().min(0).max(20).default(3).describe('Attempts at a partition that failed, after the first.'),
    maxQuarantinedPct: z
      .number()
      .min(0)
      .max(100)
      .default(1)
      .describe('Of the rows; with more the run fails, and what was published stays.'),
    validation: scoringValidationSchema.prefault({}),
    chunkRows: z
      .int()
      .min(1)
      .max(65_536)
      .default(4_096)
      .describe('Rows of one transaction and of one call of the model.'),
    keepRuns: z.int().min(1).max(400).default(7).describe('Runs whose scores are kept to roll back to.'),
    keepBackfilledRuns: z
      .int()
      .min(1)
      .max(366)
      .default(31)
      .describe('Runs of backfills whose scores are kept beside those, the newest days first.'),
  })
  .meta({
    id: 'ScoringJob',
    examples: [
      {
        name: 'pump-health',
        model: { name: 'pump-health' },
        entities: { kind: 'view', view: 'pump-recent' },
        schedule: { cron: '30 2 * * *', zone: 'Europe/Berlin' },
        validation: { maxPsi: 0.25 },
      },
    ],
  });
export type ScoringJob = z.infer<typeof scoringJobSchema>;

export const scoringJobDocumentSchema = z
  .object({
    name: scoringJobNameSchema,
    job: scoringJobSchema,
    revision: z.int().min(1).describe('Also the ETag.'),
    updatedAt: instantSchema,
    publishedRun: scoringRunIdSchema.nullable().describe('The run that is read.'),
  })
  .meta({ id: 'ScoringJobDocument' });
export type ScoringJobDocument = z.infer<typeof scoringJobDocumentSchema>;
export const scoringJobPageSchema = pageOf(scoringJobDocumentSchema).meta({ id: 'ScoringJobPage' });
