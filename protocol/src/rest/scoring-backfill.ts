/** Backfills: a job run over past days, one run a day, behind everything that is due now. */
import { z } from 'zod';
import { instantSchema } from '../identifiers.ts';
import { pageOf, pageQuerySchema } from './page.ts';
import { scoringBackfillIdSchema, scoringJobNameSchema, scoringRunIdSchema, scoringRunModelSchema } from './scoring.ts';

const daySchema = z.iso.date().meta({ examples: ['2026-11-01'] });
const count = z.int().min(0);

export const scoringBackfillSubmitSchema = z
  .strictObject({
    from: daySchema.describe('The first day, by the clock of the schedule; without a schedule by UTC.'),
    to: daySchema.describe('The last day; it must have come.'),
  })
  .refine(({ from, to }) => from <= to, { path: ['to'], message: 'lies before from' })
  .meta({ id: 'ScoringBackfillSubmit', examples: [{ from: '2026-11-01', to: '2026-11-14' }] });
export type ScoringBackfillSubmit = z.infer<typeof scoringBackfillSubmitSchema>;

export const SCORING_BACKFILL_STATES = ['running', 'complete', 'failed', 'canceled'] as const;
export const scoringBackfillStateSchema = z.enum(SCORING_BACKFILL_STATES).meta({ id: 'ScoringBackfillState' });
export type ScoringBackfillState = z.infer<typeof scoringBackfillStateSchema>;

export const scoringBackfillSchema = z
  .object({
    id: scoringBackfillIdSchema.describe('Of job, model digest and instants: the same again is the same backfill.'),
    job: scoringJobNameSchema,
    model: scoringRunModelSchema.describe('As it was when the backfill was submitted, for every day.'),
    from: daySchema,
    to: daySchema,
    state: scoringBackfillStateSchema.describe('complete: every day has a run that has ended, well or not.'),
    days: z.object({
      total: count.describe('Days on which the schedule was due.'),
      done: count.describe('Of these with a run that is published, by this backfill or before it.'),
      failed: count.describe('Of these with a run that failed or was canceled.'),
    }),
    run: scoringRunIdSchema.nullable().describe('Of the day that is worked on, or waits for what is due now.'),
    createdAt: instantSchema,
    finishedAt: instantSchema.nullable(),
    error: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .describe('Why no run of the next day could be submitted.'),
  })
  .meta({
    id: 'ScoringBackfill',
    examples: [
      {
        id: 'b-9f86d081884c7d659a2f',
        job: 'pump-health',
        model: { name: 'pump-health', version: '1.0.0', digest: '9f86d081884c7d659a2feaa0c55ad015' },
        from: '2026-11-01',
        to: '2026-11-14',
        state: 'running',
        days: { total: 14, done: 5, failed: 0 },
        run: 'r-9f86d081884c7d659a2f',
        createdAt: 1760000000000,
        finishedAt: null,
        error: null,
      },
    ],
  });
export type ScoringBackfill = z.infer<typeof scoringBackfillSchema>;
export const scoringBackfillPageSchema = pageOf(scoringBackfillSchema).meta({ id: 'ScoringBackfillPage' });

export const scoringBackfillQuerySchema = pageQuerySchema.extend({ job: scoringJobNameSchema.optional() });
