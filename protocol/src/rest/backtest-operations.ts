/** Routes of backtests. */
import { z } from 'zod';
import * as backtests from './backtests.ts';
import { bodyProblems, created, idempotencyHeader, json, list, problems, text, type Operation } from './operation.ts';

const params = z.object({ backtestId: backtests.backtestIdSchema });
const tag = 'models' as const;

export const BACKTEST_OPERATIONS: readonly Operation[] = [
  {
    id: 'listBacktests',
    method: 'get',
    path: '/api/backtests',
    tag,
    summary: 'List backtests, newest first',
    query: backtests.backtestQuerySchema,
    responses: { 200: list('Backtests.', backtests.backtestPageSchema, backtests.backtestSchema), ...problems(503) },
  },
  {
    id: 'createBacktest',
    method: 'post',
    path: '/api/backtests',
    tag,
    summary: 'Run a release over the last days of stored data, beside the model in force',
    description:
      'Windows are cut, and normals learnt, as a device does; features of entities are read as of each instant. One backtest runs at a time, at low priority.',
    headers: idempotencyHeader,
    body: backtests.backtestCreateSchema,
    responses: {
      202: created('It waits for its turn, or runs.', backtests.backtestSchema),
      ...bodyProblems(404, 409, 429, 503),
    },
  },
  {
    id: 'getBacktest',
    method: 'get',
    path: '/api/backtests/{backtestId}',
    tag,
    summary: 'Show one backtest with its progress and its figures',
    params,
    responses: { 200: json('The backtest as it is now.', backtests.backtestSchema), ...problems(404, 503) },
  },
  {
    id: 'reportBacktest',
    method: 'get',
    path: '/api/backtests/{backtestId}/report',
    tag,
    summary: 'Read the report of one backtest',
    description: 'A page without scripts, good to print: agreement by day, scores, alarms, labels, cost, entities.',
    params,
    responses: { 200: text('The report.', 'text/html'), ...problems(404, 503) },
  },
  {
    id: 'cancelBacktest',
    method: 'post',
    path: '/api/backtests/{backtestId}/cancel',
    tag,
    summary: 'Give up a backtest that has not ended',
    params,
    headers: idempotencyHeader,
    body: backtests.backtestOrderSchema,
    responses: { 200: json('The backtest as it is now.', backtests.backtestSchema), ...bodyProblems(404, 409, 503) },
  },
];
