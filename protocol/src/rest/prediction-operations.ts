/** Routes of asynchronous predictions. */
import { z } from 'zod';
import { bodyProblems, idempotencyHeader, json, list, problems, text, type Operation } from './operation.ts';
import * as predictions from './predictions.ts';

const ticketParams = z.object({ predictionId: predictions.predictionIdSchema });
const tag = 'predictions' as const;

const located = z.object({ Location: z.string().meta({ description: 'Path of the ticket.' }) });
/** Of a ticket that is open. */
export const openHeaders = located.extend({
  'Retry-After': z.string().meta({ description: 'Seconds until it is worth asking again.' }),
});
const finalHeaders = located.extend({
  Age: z.string().meta({ description: 'Seconds since it was final.' }),
});
const shown = (description: string) => json(description, predictions.predictionTicketSchema);
const open = (description: string) => ({ ...shown(description), headers: openHeaders });
const final = (description: string) => ({ ...shown(description), headers: finalHeaders });

export const PREDICTION_OPERATIONS: readonly Operation[] = [
  {
    id: 'listTickets',
    method: 'get',
    path: '/api/predictions',
    tag,
    summary: 'List tickets, the newest first',
    query: predictions.predictionQuerySchema,
    responses: {
      200: list('Tickets.', predictions.predictionPageSchema, predictions.predictionTicketSchema),
      ...problems(503),
    },
  },
  {
    id: 'submitPrediction',
    method: 'post',
    path: '/api/predictions',
    tag,
    summary: 'Ask for a prediction now and fetch it later',
    description:
      'The ticket is on disk before it is answered, and is answered exactly once whatever is killed. Tickets about the same entity, model and features share one run.',
    headers: idempotencyHeader,
    body: predictions.predictionSubmitSchema,
    responses: {
      200: final('The answer: one that is fresh enough, or the one that was waited for.'),
      202: open('A ticket.'),
      ...bodyProblems(404, 409, 429, 503),
    },
  },
  {
    id: 'submitPredictions',
    method: 'post',
    path: '/api/predictions/batch',
    tag,
    summary: 'Ask for many predictions at once',
    description:
      'Each request is taken or refused by itself; they are answered in their order. An Idempotency-Key of the batch is one of each of its requests that has none.',
    headers: idempotencyHeader,
    body: predictions.predictionSubmitBatchSchema,
    responses: {
      200: json('One item a request.', predictions.predictionSubmitBatchAnswerSchema),
      ...bodyProblems(503),
    },
  },
  {
    id: 'getLatestPrediction',
    method: 'get',
    path: '/api/predictions/latest',
    tag,
    summary: 'Show the newest prediction about an entity',
    query: predictions.latestPredictionQuerySchema,
    responses: { 200: final('The ticket that was answered last.'), ...problems(404, 503) },
  },
  {
    id: 'getTicket',
    method: 'get',
    path: '/api/predictions/{predictionId}',
    tag,
    summary: 'Show one ticket',
    params: ticketParams,
    query: predictions.predictionShowQuerySchema,
    responses: { 200: shown('The ticket as it is now.'), ...problems(404, 503) },
  },
  {
    id: 'watchTicket',
    method: 'get',
    path: '/api/predictions/{predictionId}/events',
    tag,
    summary: 'Follow one ticket as server-sent events',
    description: 'Events `ticket` with the ticket as JSON: as it is now and, unless that was final, as it ends.',
    params: ticketParams,
    responses: { 200: text('Events.', 'text/event-stream'), ...problems(404, 503) },
  },
  {
    id: 'retryTicket',
    method: 'post',
    path: '/api/predictions/{predictionId}/retry',
    tag,
    summary: 'Run a ticket that failed, expired or was canceled once more',
    description: 'One that is open already is answered as it is.',
    params: ticketParams,
    headers: idempotencyHeader,
    body: predictions.predictionRetrySchema,
    responses: { 202: open('The ticket, queued again.'), ...bodyProblems(404, 409, 429, 503) },
  },
  {
    id: 'cancelTicket',
    method: 'post',
    path: '/api/predictions/{predictionId}/cancel',
    tag,
    summary: 'Cancel an open ticket',
    description: 'One that is canceled already is answered as it is.',
    params: ticketParams,
    headers: idempotencyHeader,
    body: predictions.predictionCancelSchema,
    responses: { 200: shown('The ticket, canceled.'), ...bodyProblems(404, 409, 503) },
  },
];
