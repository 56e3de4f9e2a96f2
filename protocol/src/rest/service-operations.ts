/** Routes of the fleet at a glance, of health, and of these documents. */
import { jsonObjectSchema } from '../twin.ts';
import { adviceQuerySchema, adviceSchema } from './advice.ts';
import { auditEntrySchema, auditPageSchema, auditQuerySchema } from './audit.ts';
import { healthSchema } from './health.ts';
import { liveQuerySchema } from './live.ts';
import { json, lastEventHeader, list, problems, text, type Operation, type OperationResponse } from './operation.ts';
import { attentionSchema, fleetSummarySchema } from './overview.ts';

export const OVERVIEW_OPERATIONS: readonly Operation[] = [
  {
    id: 'getOverview',
    method: 'get',
    path: '/api/overview',
    tag: 'overview',
    summary: 'Show the fleet at a glance',
    responses: { 200: json('Counts, rates and totals.', fleetSummarySchema), ...problems() },
  },
  {
    id: 'getAttention',
    method: 'get',
    path: '/api/overview/attention',
    tag: 'overview',
    summary: 'Show what needs a person first',
    responses: { 200: json('Reasons, worst first.', attentionSchema), ...problems() },
  },
  {
    id: 'getAdvice',
    method: 'get',
    path: '/api/advise',
    tag: 'advice',
    summary: 'Choose a deployment pattern',
    description: 'The tree: a continuous stream, then latency and offline use; then what was measured in this fleet.',
    query: adviceQuerySchema,
    responses: { 200: json('The pattern, why, what was measured, and how to deploy it.', adviceSchema), ...problems() },
  },
  {
    id: 'listAudit',
    method: 'get',
    path: '/api/audit',
    tag: 'overview',
    summary: 'List who changed what, newest first',
    query: auditQuerySchema,
    responses: { 200: list('Audit entries.', auditPageSchema, auditEntrySchema), ...problems() },
  },
  {
    id: 'streamLive',
    method: 'get',
    path: '/api/live',
    tag: 'overview',
    summary: 'Stream what moves as server-sent events',
    query: liveQuerySchema,
    headers: lastEventHeader,
    responses: { 200: text('One event per change; `data:` is JSON.', 'text/event-stream'), ...problems() },
  },
];

/** A path that answers the same to whoever asks. */
const page = (id: string, path: `/${string}`, summary: string, answer: OperationResponse): Operation => ({
  id,
  method: 'get',
  path,
  tag: 'operations',
  summary,
  responses: { 200: answer },
});

export const SERVICE_OPERATIONS: readonly Operation[] = [
  {
    id: 'getLiveness',
    method: 'get',
    path: '/health/live',
    tag: 'operations',
    summary: 'Answer whether the process lives',
    responses: { 200: json('It lives.', healthSchema) },
  },
  {
    id: 'getReadiness',
    method: 'get',
    path: '/health/ready',
    tag: 'operations',
    summary: 'Answer whether devices can be served',
    responses: { 200: json('Ready.', healthSchema), 503: json('Not ready, with the check that fails.', healthSchema) },
  },
  page('getMetrics', '/metrics', 'Metrics in the Prometheus text format', text('Samples.', 'text/plain')),
  {
    id: 'openFrontDoor',
    method: 'get',
    path: '/',
    tag: 'operations',
    summary: 'Go to the pages of this server',
    responses: { 302: { description: 'The API page.', content: {} } },
  },
  page('getApiPage', '/docs', 'This API as a page', text('A page.', 'text/html')),
  page(
    'getOpenApi',
    '/docs/openapi.json',
    'This API as an OpenAPI 3.1 document',
    json('A document.', jsonObjectSchema),
  ),
  page('getMqttPage', '/docs/mqtt', 'The MQTT topics as a page', text('A page.', 'text/html')),
  page(
    'getAsyncApi',
    '/docs/asyncapi.json',
    'The MQTT topics as an AsyncAPI 3 document',
    json('A document.', jsonObjectSchema),
  ),
  page('getErrorsPage', '/docs/errors', 'Every error code with its meaning and remedy', text('A page.', 'text/html')),
];
