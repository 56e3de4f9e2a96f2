/** Routes of alerts, their rules, and silences. */
import { z } from 'zod';
import { alertRuleNameSchema, alertRuleSchema } from '../alerts/alert-rule.ts';
import * as alerts from './alerts.ts';
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
  type Operation,
} from './operation.ts';
import { pageQuerySchema } from './page.ts';

const alertParams = z.object({ alertId: alerts.alertIdSchema });
const ruleParams = z.object({ rule: alertRuleNameSchema });
const silenceParams = z.object({ silenceId: alerts.silenceIdSchema });

const act = (id: string, verb: string, summary: string): Operation => ({
  id,
  method: 'post',
  path: `/api/alerts/{alertId}/${verb}`,
  tag: 'alerts',
  summary,
  params: alertParams,
  headers: idempotencyHeader,
  body: alerts.alertNoteSchema,
  responses: { 200: json('The alert as it is now.', alerts.alertSchema), ...bodyProblems(404, 409, 503) },
});

const ALERTS: readonly Operation[] = [
  {
    id: 'listAlerts',
    method: 'get',
    path: '/api/alerts',
    tag: 'alerts',
    summary: 'List alerts, newest first',
    query: alerts.alertQuerySchema,
    responses: { 200: list('Alerts.', alerts.alertPageSchema, alerts.alertSchema), ...problems(503) },
  },
  {
    id: 'getAlert',
    method: 'get',
    path: '/api/alerts/{alertId}',
    tag: 'alerts',
    summary: 'Show one alert with its history',
    params: alertParams,
    responses: { 200: json('The alert.', alerts.alertDetailSchema), ...problems(404, 503) },
  },
  act('acknowledgeAlert', 'acknowledge', 'Say that somebody looks after an alert: it is not told again'),
  act('noteAlert', 'notes', 'Write something into the history of an alert'),
  act('resolveAlert', 'resolve', 'End an alert by hand; what is wrong after it fires anew'),
];

const RULES: readonly Operation[] = [
  {
    id: 'listAlertRules',
    method: 'get',
    path: '/api/alert-rules',
    tag: 'alerts',
    summary: 'List rules by name',
    query: pageQuerySchema,
    responses: { 200: list('Rules.', alerts.alertRulePageSchema, alerts.alertRuleDocumentSchema), ...problems() },
  },
  {
    id: 'createAlertRule',
    method: 'post',
    path: '/api/alert-rules',
    tag: 'alerts',
    summary: 'Define a rule; it decides from now on',
    description: 'A webhook whose secret is not there is refused.',
    headers: idempotencyHeader,
    body: alertRuleSchema,
    responses: { 201: created('The new rule.', alerts.alertRuleDocumentSchema), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'previewAlertRule',
    method: 'post',
    path: '/api/alert-rules/preview',
    tag: 'alerts',
    summary: 'Say when a rule would have fired, over stored history, without saving it',
    isRead: true,
    body: alerts.alertPreviewSchema,
    responses: { 200: json('When it would have fired.', alerts.alertPreviewAnswerSchema), ...bodyProblems(404, 503) },
  },
  {
    id: 'getAlertRule',
    method: 'get',
    path: '/api/alert-rules/{rule}',
    tag: 'alerts',
    summary: 'Show one rule',
    params: ruleParams,
    responses: { 200: tagged('The rule.', alerts.alertRuleDocumentSchema), ...problems(404) },
  },
  {
    id: 'putAlertRule',
    method: 'put',
    path: '/api/alert-rules/{rule}',
    tag: 'alerts',
    summary: 'Replace a rule',
    description:
      'When it decides otherwise than before, its open alerts are resolved as rule-changed and it starts anew.',
    params: ruleParams,
    headers: ifMatchHeader,
    body: alertRuleSchema,
    responses: {
      200: tagged('The rule as it is now.', alerts.alertRuleDocumentSchema),
      ...bodyProblems(404, 409, 503),
    },
  },
  {
    id: 'deleteAlertRule',
    method: 'delete',
    path: '/api/alert-rules/{rule}',
    tag: 'alerts',
    summary: 'Remove a rule; its open alerts are resolved, its history stays',
    params: ruleParams,
    headers: ifMatchHeader,
    responses: { 204: nothing('Removed.'), ...problems(404, 409, 415, 503) },
  },
  {
    id: 'getAlertRuleStatus',
    method: 'get',
    path: '/api/alert-rules/{rule}/status',
    tag: 'alerts',
    summary: 'Show what a rule has looked at, and how many alerts it has open',
    params: ruleParams,
    responses: { 200: json('Counts.', alerts.alertRuleStatusSchema), ...problems(404, 503) },
  },
];

const SILENCES: readonly Operation[] = [
  {
    id: 'listSilences',
    method: 'get',
    path: '/api/silences',
    tag: 'alerts',
    summary: 'List silences that have not ended',
    query: pageQuerySchema,
    responses: { 200: list('Silences.', alerts.silencePageSchema, alerts.silenceSchema), ...problems(503) },
  },
  {
    id: 'createSilence',
    method: 'post',
    path: '/api/silences',
    tag: 'alerts',
    summary: 'Tell nobody of certain alerts until an instant; they are kept all the same',
    headers: idempotencyHeader,
    body: alerts.silenceCreateSchema,
    responses: { 201: created('The silence.', alerts.silenceSchema), ...bodyProblems(503) },
  },
  {
    id: 'endSilence',
    method: 'delete',
    path: '/api/silences/{silenceId}',
    tag: 'alerts',
    summary: 'End a silence; what fires still is told then',
    params: silenceParams,
    headers: ifMatchHeader,
    responses: { 204: nothing('Ended.'), ...problems(404, 409, 415, 503) },
  },
];

export const ALERT_OPERATIONS: readonly Operation[] = [...ALERTS, ...RULES, ...SILENCES];
