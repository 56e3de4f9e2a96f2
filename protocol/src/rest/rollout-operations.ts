/** Routes of rollouts. */
import { z } from 'zod';
import { rolloutDefinitionSchema } from '../rollouts/rollout-definition.ts';
import { bodyProblems, created, idempotencyHeader, json, list, problems, tagged, type Operation } from './operation.ts';
import { pageQuerySchema } from './page.ts';
import * as rollouts from './rollouts.ts';

const params = z.object({ rolloutId: rollouts.rolloutIdSchema });

const act = (verb: string, summary: string, body: z.ZodType = rollouts.rolloutRemarkSchema): Operation => ({
  id: `${verb}Rollout`,
  method: 'post',
  path: `/api/rollouts/{rolloutId}/${verb}`,
  tag: 'rollouts',
  summary,
  params,
  headers: idempotencyHeader,
  body,
  responses: { 200: tagged('The rollout as it is now.', rollouts.rolloutSchema), ...bodyProblems(404, 409, 503) },
});

export const ROLLOUT_OPERATIONS: readonly Operation[] = [
  {
    id: 'listRollouts',
    method: 'get',
    path: '/api/rollouts',
    tag: 'rollouts',
    summary: 'List rollouts, newest first',
    query: rollouts.rolloutQuerySchema,
    responses: { 200: list('Rollouts.', rollouts.rolloutPageSchema, rollouts.rolloutSchema), ...problems(503) },
  },
  {
    id: 'createRollout',
    method: 'post',
    path: '/api/rollouts',
    tag: 'rollouts',
    summary: 'Bring a release to a cohort, stage by stage',
    headers: idempotencyHeader,
    body: rollouts.rolloutCreateSchema,
    responses: { 201: created('The new rollout.', rollouts.rolloutSchema), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'planRollout',
    method: 'post',
    path: '/api/rollouts/plan',
    tag: 'rollouts',
    summary: 'Say what a rollout would do, without saving it',
    isRead: true,
    body: rolloutDefinitionSchema,
    responses: { 200: json('Stages, and who is left out and why.', rollouts.rolloutPlanSchema), ...bodyProblems(404) },
  },
  {
    id: 'getRollout',
    method: 'get',
    path: '/api/rollouts/{rolloutId}',
    tag: 'rollouts',
    summary: 'Show one rollout',
    params,
    responses: { 200: tagged('The rollout.', rollouts.rolloutSchema), ...problems(404, 503) },
  },
  {
    id: 'listRolloutDevices',
    method: 'get',
    path: '/api/rollouts/{rolloutId}/devices',
    tag: 'rollouts',
    summary: 'List the devices of a rollout by id',
    params,
    query: rollouts.rolloutDeviceQuerySchema,
    responses: {
      200: list('Devices.', rollouts.rolloutDevicePageSchema, rollouts.rolloutDeviceSchema),
      ...problems(404, 503),
    },
  },
  {
    id: 'listRolloutEvents',
    method: 'get',
    path: '/api/rollouts/{rolloutId}/timeline',
    tag: 'rollouts',
    summary: 'List what happened in a rollout, oldest first',
    params,
    query: pageQuerySchema,
    responses: {
      200: list('Events.', rollouts.rolloutEventPageSchema, rollouts.rolloutEventSchema),
      ...problems(404, 503),
    },
  },
  act('start', 'Start a draft: at once, at its time, or when it is approved'),
  act('approve', 'Approve a rollout that somebody else made'),
  act('pause', 'Assign to no further device; those assigned go on'),
  act('halt', 'Assign to no further device, and take back what no device has activated'),
  act('resume', 'Go on where it was paused'),
  act('rollback', 'Bring devices back to what they ran before', rollouts.rolloutRollbackSchema),
  act('abort', 'End it: what no device has activated is taken back, the others keep what they have'),
];
