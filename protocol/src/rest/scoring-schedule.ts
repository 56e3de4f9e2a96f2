/** What the schedule of a scoring job comes to: when it is due next, and what was decided lately. */
import { z } from 'zod';
import { instantSchema } from '../identifiers.ts';
import { scoringJobNameSchema, scoringRunIdSchema, scoringScheduleSchema } from './scoring.ts';

const occurrence = {
  dueAt: instantSchema.describe('The instant its run is for.'),
  beginsAt: instantSchema.describe('After jitter and blackout.'),
};

export const scoringOccurrenceSchema = z
  .object({
    ...occurrence,
    action: z.enum(['start', 'queue', 'replace', 'skip']),
    reason: z
      .string()
      .nullable()
      .describe('Why it was skipped: missed, overlap, or the code of the error that refused its run.'),
    runId: scoringRunIdSchema.nullable().describe('null: skipped, or about to be submitted.'),
    decidedAt: instantSchema,
  })
  .meta({ id: 'ScoringOccurrence' });
export type ScoringOccurrence = z.infer<typeof scoringOccurrenceSchema>;

export const scoringScheduleStateSchema = z
  .object({
    job: scoringJobNameSchema,
    schedule: scoringScheduleSchema.nullable().describe('null: it runs only when it is told to.'),
    next: z.array(z.object(occurrence)).describe('The next five.'),
    recent: z.array(scoringOccurrenceSchema).describe('What was decided lately, newest first.'),
  })
  .meta({ id: 'ScoringScheduleState' });
export type ScoringScheduleState = z.infer<typeof scoringScheduleStateSchema>;
