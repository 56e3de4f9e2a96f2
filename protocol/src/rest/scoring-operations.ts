/** Routes of scoring jobs, their runs, and scores. */
import { z } from 'zod';
import { entityIdSchema } from '../features/entity-view.ts';
import {
  bodyProblems,
  created,
  idempotencyHeader,
  ifMatchHeader,
  json,
  list,
  nothing,
  problems,
  tagged,
  text,
  type Operation,
} from './operation.ts';
import { pageQuerySchema } from './page.ts';
import { openHeaders } from './prediction-operations.ts';
import { predictionTicketSchema } from './predictions.ts';
import { scoringScheduleStateSchema } from './scoring-schedule.ts';
import * as scores from './scores.ts';
import * as runs from './scoring-runs.ts';
import * as scoring from './scoring.ts';

const jobParams = z.object({ job: scoring.scoringJobNameSchema });
const runParams = z.object({ runId: scoring.scoringRunIdSchema });
const scoreParams = jobParams.extend({ entity: entityIdSchema });
const tag = 'scoring' as const;

const run = (description: string) => json(description, runs.scoringRunSchema);
const ifNoneMatchHeader = z.object({
  'If-None-Match': z.string().max(256).optional().meta({ description: 'The ETag that was read; 304 while it holds.' }),
});

/** Pause, resume, cancel: the same shape of route. */
const order = (id: string, verb: string, summary: string, description: string): Operation => ({
  id,
  method: 'post',
  path: `/api/scoring/runs/{runId}/${verb}`,
  tag,
  summary,
  description,
  params: runParams,
  headers: idempotencyHeader,
  body: runs.scoringOrderSchema,
  responses: { 200: run('The run as it is now.'), ...bodyProblems(404, 409, 503) },
});

export const SCORING_OPERATIONS: readonly Operation[] = [
  {
    id: 'listScoringJobs',
    method: 'get',
    path: '/api/scoring/jobs',
    tag,
    summary: 'List scoring jobs by name',
    query: pageQuerySchema,
    responses: {
      200: list('Jobs.', scoring.scoringJobPageSchema, scoring.scoringJobDocumentSchema),
      ...problems(503),
    },
  },
  {
    id: 'createScoringJob',
    method: 'post',
    path: '/api/scoring/jobs',
    tag,
    summary: 'Define a scoring job',
    headers: idempotencyHeader,
    body: scoring.scoringJobSchema,
    responses: { 201: created('The new job.', scoring.scoringJobDocumentSchema), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'getScoringJob',
    method: 'get',
    path: '/api/scoring/jobs/{job}',
    tag,
    summary: 'Show one scoring job',
    params: jobParams,
    responses: { 200: tagged('The job.', scoring.scoringJobDocumentSchema), ...problems(404, 503) },
  },
  {
    id: 'putScoringJob',
    method: 'put',
    path: '/api/scoring/jobs/{job}',
    tag,
    summary: 'Replace a scoring job',
    description: 'Runs that were submitted go on as they were defined.',
    params: jobParams,
    headers: ifMatchHeader,
    body: scoring.scoringJobSchema,
    responses: {
      200: tagged('The job as it is now.', scoring.scoringJobDocumentSchema),
      ...bodyProblems(404, 409, 503),
    },
  },
  {
    id: 'deleteScoringJob',
    method: 'delete',
    path: '/api/scoring/jobs/{job}',
    tag,
    summary: 'Remove a scoring job with its runs and scores',
    params: jobParams,
    headers: ifMatchHeader,
    responses: { 204: nothing('Removed.'), ...problems(404, 409, 415, 503) },
  },
  {
    id: 'getScoringSchedule',
    method: 'get',
    path: '/api/scoring/jobs/{job}/schedule',
    tag,
    summary: 'Say when a job is due next, and what was decided lately',
    params: jobParams,
    responses: { 200: json('The schedule as it is now.', scoringScheduleStateSchema), ...problems(404, 503) },
  },
  {
    id: 'planScoring',
    method: 'post',
    path: '/api/scoring/jobs/{job}/plan',
    tag,
    summary: 'Say what a run would do, without running it',
    isRead: true,
    params: jobParams,
    body: runs.scoringSubmitSchema,
    responses: { 200: json('Count and estimate.', runs.scoringPlanSchema), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'submitScoring',
    method: 'post',
    path: '/api/scoring/jobs/{job}/runs',
    tag,
    summary: 'Run a scoring job now',
    description:
      'The id of a run follows from job, model digest, as-of instant and input: what runs or is done is answered as it is, and what failed or was canceled goes on where it stopped.',
    params: jobParams,
    headers: idempotencyHeader,
    body: runs.scoringSubmitSchema,
    responses: { 202: run('The run.'), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'publishScoring',
    method: 'post',
    path: '/api/scoring/jobs/{job}/publish',
    tag,
    summary: 'Publish a complete run by hand',
    params: jobParams,
    headers: idempotencyHeader,
    body: runs.scoringPublishSchema,
    responses: { 200: run('The run that is read now.'), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'rollbackScoring',
    method: 'post',
    path: '/api/scoring/jobs/{job}/rollback',
    tag,
    summary: 'Go back to a run whose scores are kept',
    description:
      'One pointer is written: every reader has the old run from then on. Name the run where a request may be sent again: without a name each goes back by one, whatever its key.',
    params: jobParams,
    headers: idempotencyHeader,
    body: runs.scoringRollbackSchema,
    responses: { 200: run('The run that is read now.'), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'listScoringRuns',
    method: 'get',
    path: '/api/scoring/runs',
    tag,
    summary: 'List runs, the newest first',
    query: runs.scoringRunQuerySchema,
    responses: { 200: list('Runs.', runs.scoringRunPageSchema, runs.scoringRunSchema), ...problems(503) },
  },
  {
    id: 'getScoringRun',
    method: 'get',
    path: '/api/scoring/runs/{runId}',
    tag,
    summary: 'Show one run',
    params: runParams,
    responses: { 200: run('The run as it is now.'), ...problems(404, 503) },
  },
  {
    id: 'watchScoringRun',
    method: 'get',
    path: '/api/scoring/runs/{runId}/events',
    tag,
    summary: 'Follow one run as server-sent events',
    description: 'Events `run` with the run as JSON: as it is now, as it proceeds, and as it ends.',
    params: runParams,
    responses: { 200: text('Events.', 'text/event-stream'), ...problems(404, 503) },
  },
  {
    id: 'reportScoringRun',
    method: 'get',
    path: '/api/scoring/runs/{runId}/report',
    tag,
    summary: 'Read the report of one run',
    description:
      'A page without scripts, good to print: scores against the run before, drift of features, what changed most, edge against batch, rows set aside, partitions.',
    params: runParams,
    responses: { 200: text('The report.', 'text/html'), ...problems(404, 503) },
  },
  order(
    'pauseScoringRun',
    'pause',
    'Pause a run',
    'It keeps what it has committed; the chunk under way is scored again when it goes on.',
  ),
  order('resumeScoringRun', 'resume', 'Go on with a paused run', 'At the chunk after the last committed one.'),
  order('cancelScoringRun', 'cancel', 'Cancel a run', 'What was published before stays; submitting it again goes on.'),
  {
    id: 'listQuarantinedRows',
    method: 'get',
    path: '/api/scoring/runs/{runId}/quarantine',
    tag,
    summary: 'List the rows a run could not score, with why',
    params: runParams,
    query: pageQuerySchema,
    responses: {
      200: list('In the order they were found.', scores.quarantinedRowPageSchema, scores.quarantinedRowSchema),
      ...problems(404, 503),
    },
  },
  {
    id: 'exportScores',
    method: 'get',
    path: '/api/scores/{job}',
    tag,
    summary: 'Export all scores of one run',
    description: 'Streamed, by entity, all of the run that was published when it began.',
    params: jobParams,
    query: scores.scoreExportQuerySchema,
    responses: {
      200: {
        description: 'The scores.',
        content: {
          'text/csv': z.string(),
          'application/x-ndjson': scores.scoreLineSchema,
          'application/vnd.apache.parquet': z.string(),
        },
      },
      ...problems(404, 503),
    },
  },
  {
    id: 'readScores',
    method: 'post',
    path: '/api/scores/{job}',
    tag,
    summary: 'Read the scores of many entities',
    isRead: true,
    params: jobParams,
    body: scores.scoreBulkSchema,
    responses: { 200: tagged('All of one run.', scores.scoreBulkAnswerSchema), ...bodyProblems(404, 503) },
  },
  {
    id: 'getScore',
    method: 'get',
    path: '/api/scores/{job}/{entity}',
    tag,
    summary: 'Read the score of one entity',
    description:
      'With `onMiss=predict` an entity without a score is predicted now by the model of the published run: the ticket is the one of /api/predictions, shared with everybody who asks at once, and an answer of the last minute is given again.',
    params: scoreParams,
    query: scores.scoreQuerySchema,
    headers: ifNoneMatchHeader,
    responses: {
      200: tagged('Out of the published run; its id is the ETag.', scores.scoreRecordSchema),
      202: {
        ...json('A ticket, where there is no score and a prediction was asked for.', predictionTicketSchema),
        headers: openHeaders,
      },
      304: nothing('The run that was read is still the published one.'),
      ...problems(404, 409, 429, 503),
    },
  },
  {
    id: 'getScoreHistory',
    method: 'get',
    path: '/api/scores/{job}/{entity}/history',
    tag,
    summary: 'Read the scores of one entity over the runs that are kept',
    params: scoreParams,
    responses: { 200: json('Newest as-of first.', scores.scoreHistorySchema), ...problems(404, 503) },
  },
];
