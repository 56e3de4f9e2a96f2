/** Routes of backfills: a job over past days. */
import { z } from 'zod';
import { bodyProblems, idempotencyHeader, json, list, problems, type Operation } from './operation.ts';
import * as backfills from './scoring-backfill.ts';
import * as runs from './scoring-runs.ts';
import * as scoring from './scoring.ts';

const jobParams = z.object({ job: scoring.scoringJobNameSchema });
const backfillParams = z.object({ backfillId: scoring.scoringBackfillIdSchema });
const tag = 'scoring' as const;

export const BACKFILL_OPERATIONS: readonly Operation[] = [
  {
    id: 'submitBackfill',
    method: 'post',
    path: '/api/scoring/jobs/{job}/backfills',
    tag,
    summary: 'Run a job over past days, one run a day',
    description:
      'Each run has the features as they were known at the time. Runs that are due now go first: the run of a past day stops after its chunk and goes on behind them. What the job is read by moves only to a newer as-of instant; the days are in the history. Submitted again, a canceled or failed backfill goes on where it stopped.',
    params: jobParams,
    headers: idempotencyHeader,
    body: backfills.scoringBackfillSubmitSchema,
    responses: { 202: json('The backfill.', backfills.scoringBackfillSchema), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'listBackfills',
    method: 'get',
    path: '/api/scoring/backfills',
    tag,
    summary: 'List backfills, the newest first',
    query: backfills.scoringBackfillQuerySchema,
    responses: {
      200: list('Backfills.', backfills.scoringBackfillPageSchema, backfills.scoringBackfillSchema),
      ...problems(503),
    },
  },
  {
    id: 'getBackfill',
    method: 'get',
    path: '/api/scoring/backfills/{backfillId}',
    tag,
    summary: 'Show one backfill and how far it is',
    params: backfillParams,
    responses: { 200: json('The backfill as it is now.', backfills.scoringBackfillSchema), ...problems(404, 503) },
  },
  {
    id: 'cancelBackfill',
    method: 'post',
    path: '/api/scoring/backfills/{backfillId}/cancel',
    tag,
    summary: 'Cancel a backfill and the run it is at',
    description: 'Days that are done stay; submitting it again goes on.',
    params: backfillParams,
    headers: idempotencyHeader,
    body: runs.scoringOrderSchema,
    responses: {
      200: json('The backfill as it is now.', backfills.scoringBackfillSchema),
      ...bodyProblems(404, 409, 503),
    },
  },
];
