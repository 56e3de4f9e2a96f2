/** Scores of entities over HTTP: one, many, over the nights, and all of a run as a file; and the rows it could not score. */
import { z } from 'zod';
import { entityIdSchema } from '../features/entity-view.ts';
import { instantSchema } from '../identifiers.ts';
import { pageOf } from './page.ts';
import { scoringJobNameSchema, scoringRunIdSchema } from './scoring.ts';

/** What a run could not score. */
export const quarantinedRowSchema = z
  .object({
    entity: z.string().describe('As it was in the input, shortened.'),
    reason: z.string().describe('A code of the error catalogue.'),
    detail: z.string(),
  })
  .meta({ id: 'QuarantinedRow' });
export type QuarantinedRow = z.infer<typeof quarantinedRowSchema>;
export const quarantinedRowPageSchema = pageOf(quarantinedRowSchema).meta({ id: 'QuarantinedRowPage' });

const modelText = z.string().min(1).max(128);

const scoresSchema = z.record(z.string(), z.number().nullable()).describe('By column; null for no finite number.');

export const scoreRecordSchema = z
  .object({
    job: scoringJobNameSchema,
    entity: entityIdSchema,
    scores: scoresSchema,
    runId: scoringRunIdSchema.describe('Also the ETag.'),
    asOf: instantSchema,
    model: z.object({ name: modelText, version: modelText }),
    publishedAt: instantSchema.nullable(),
  })
  .meta({
    id: 'ScoreRecord',
    examples: [
      {
        job: 'pump-health',
        entity: 'pump-07',
        scores: { health: 0.93, daysToThreshold: 41 },
        runId: 'r-9f86d081884c7d659a2f',
        asOf: 1760000000000,
        model: { name: 'pump-health', version: '1.0.0' },
        publishedAt: 1760000060000,
      },
    ],
  });
export type ScoreRecord = z.infer<typeof scoreRecordSchema>;
/** Newest as-of first. */
export const scoreHistorySchema = z.object({ items: z.array(scoreRecordSchema) }).meta({ id: 'ScoreHistory' });

export const scoreQuerySchema = z.object({
  onMiss: z
    .enum(['refuse', 'predict'])
    .default('refuse')
    .describe(
      'What becomes of an entity without a score: 404, or the model of its job is asked about it now and a ticket is answered with 202.',
    ),
});

/** Entities of one question. */
const MAX_ASKED = 10_000;
export const scoreBulkSchema = z
  .strictObject({ entities: z.array(entityIdSchema).min(1).max(MAX_ASKED) })
  .meta({ id: 'ScoreBulk', examples: [{ entities: ['pump-07', 'pump-08'] }] });

/** All of one run. `scores[i]` belongs to `entities[i]` of the question; null when it has none. */
export const scoreBulkAnswerSchema = z
  .object({
    job: scoringJobNameSchema,
    runId: scoringRunIdSchema,
    asOf: instantSchema,
    model: z.object({ name: modelText, version: modelText }),
    columns: z.array(z.string()),
    scores: z.array(z.array(z.number().nullable()).nullable()).describe('In the order of the columns.'),
  })
  .meta({ id: 'ScoreBulkAnswer' });
export type ScoreBulkAnswer = z.infer<typeof scoreBulkAnswerSchema>;

/** A line of an export. */
export const scoreLineSchema = z.object({ entity: entityIdSchema, scores: scoresSchema }).meta({ id: 'ScoreLine' });

export const scoreExportQuerySchema = z.object({
  format: z.enum(['csv', 'ndjson', 'parquet']).default('csv'),
  run: scoringRunIdSchema.optional().describe('Absent: the run that is published when the export begins.'),
});
