/** Routes of history: readings, predictions, events, and what ingest refused. */
import { deviceParams, json, list, problems, type Operation } from './operation.ts';
import * as telemetry from './telemetry.ts';

export const TELEMETRY_OPERATIONS: readonly Operation[] = [
  {
    id: 'listReadings',
    method: 'get',
    path: '/api/devices/{deviceId}/readings',
    tag: 'telemetry',
    summary: 'List the readings of a device by event time',
    params: deviceParams,
    query: telemetry.historyQuerySchema,
    responses: {
      200: list('Readings.', telemetry.storedReadingPageSchema, telemetry.storedReadingSchema),
      ...problems(404, 503),
    },
  },
  {
    id: 'listPredictions',
    method: 'get',
    path: '/api/devices/{deviceId}/predictions',
    tag: 'telemetry',
    summary: 'List the predictions of a device by event time',
    params: deviceParams,
    query: telemetry.historyQuerySchema,
    responses: {
      200: list('Predictions.', telemetry.storedPredictionPageSchema, telemetry.storedPredictionSchema),
      ...problems(404, 503),
    },
  },
  {
    id: 'listDeviceEvents',
    method: 'get',
    path: '/api/devices/{deviceId}/events',
    tag: 'telemetry',
    summary: 'List the events of a device by event time',
    params: deviceParams,
    query: telemetry.historyQuerySchema,
    responses: {
      200: list('Events.', telemetry.storedEventPageSchema, telemetry.storedEventSchema),
      ...problems(404, 503),
    },
  },
  {
    id: 'getSeries',
    method: 'get',
    path: '/api/devices/{deviceId}/series',
    tag: 'telemetry',
    summary: 'Read a chart of history, extremes kept',
    description: 'Every bucket keeps its minimum and its maximum: a spike of one sample survives any zoom.',
    params: deviceParams,
    query: telemetry.seriesQuerySchema,
    responses: { 200: json('Points by channel.', telemetry.seriesSchema), ...problems(404, 503) },
  },
  {
    id: 'getRanges',
    method: 'get',
    path: '/api/devices/{deviceId}/ranges',
    tag: 'telemetry',
    summary: 'Show which sequences the server holds, by outbox epoch',
    params: deviceParams,
    responses: { 200: json('Exact ranges.', telemetry.receivedRangesSchema), ...problems(404, 503) },
  },
  {
    id: 'listEvents',
    method: 'get',
    path: '/api/events',
    tag: 'telemetry',
    summary: 'List events of the whole fleet',
    query: telemetry.eventQuerySchema,
    responses: { 200: list('Events.', telemetry.storedEventPageSchema, telemetry.storedEventSchema), ...problems(503) },
  },
  {
    id: 'listDeadLetters',
    method: 'get',
    path: '/api/dead-letters',
    tag: 'telemetry',
    summary: 'List what ingest refused, with the reason and a sample',
    query: telemetry.deadLetterQuerySchema,
    responses: {
      200: list('Dead letters.', telemetry.deadLetterPageSchema, telemetry.deadLetterSchema),
      ...problems(503),
    },
  },
];
