/** What one route of the HTTP API is, as data; and the few shapes that routes share. */
import { z } from 'zod';
import { deviceIdSchema, requestIdSchema } from '../identifiers.ts';
import { problemSchema } from './problem.ts';

export const TAGS = {
  devices: 'The registry: every device, one state word each, with why and since when.',
  twins: 'Desired and reported state; what is desired and not yet reported is the delta.',
  commands: 'Commands to one device, with acknowledgement, outcome and expiry.',
  telemetry: 'History of readings, predictions and events, and what ingest refused.',
  context: 'What devices may ask the fleet about.',
  features: 'What is known of every entity, now and as of any instant; what models are fed with.',
  streams: 'Windows of event time over readings, predictions and events; exact also when data comes days late.',
  models: 'The registry: released versions, aliases, who runs what; and what devices fetch of it.',
  rollouts: 'Releases of models to devices in stages: what each stage must show, what stops it, and the way back.',
  system:
    'Images of the operating system of devices, the targets that fetch them, and how it went. Off unless configured.',
  ddi: 'What clients of hawkBit (SWUpdate, rauc-hawkbit-updater) speak: they poll, download and report. Off unless configured.',
  alerts: 'Rules over readings, predictions, events, windows and absence; what is wrong now, and who is told.',
  delivery: 'Webhooks, e-mail and MQTT to others: what was sent, how it went, and sending it again.',
  advice: 'Which deployment pattern fits a need, by rule and by measurement.',
  inference: 'Models that answer in real time: the Open Inference Protocol v2, and /predict.',
  predictions: 'Predictions that are asked for now and fetched later; answered exactly once whatever is killed.',
  scoring:
    'The whole fleet scored every night: jobs, runs that survive any kill, and scores that are one indexed read.',
  overview: 'The fleet at a glance, what needs attention, what moves, and who changed what.',
  operations: 'Health, metrics and these documents.',
} as const;
export type Tag = keyof typeof TAGS;

export interface OperationResponse {
  readonly description: string;
  /** Media type → schema of the body; empty when there is none. */
  readonly content: Readonly<Record<string, z.ZodType>>;
  readonly headers?: z.ZodObject;
}

export interface Operation {
  /** Unique, camelCase: what generated clients call the method. */
  readonly id: string;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{name}` for each key of `params`. */
  readonly path: `/${string}`;
  readonly tag: Tag;
  /** One line, imperative. */
  readonly summary: string;
  readonly description?: string;
  /** A POST that changes nothing: the question is too long for a URL. */
  readonly isRead?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Request headers. */
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Media type of `body`; `application/json` when absent. */
  readonly bodyType?: string;
  readonly responses: Readonly<Record<number, OperationResponse>>;
}

export const deviceParams = z.object({ deviceId: deviceIdSchema });
export const commandParams = deviceParams.extend({ commandId: requestIdSchema });

const etag = z.string().regex(/^(W\/)?"[^"]*"$/);
const etagHeader = z.object({ ETag: etag.meta({ description: 'Revision of the resource, quoted.', example: '"3"' }) });
export const ifMatchHeader = z.object({
  'If-Match': etag
    .optional()
    .meta({ description: 'The ETag that was read; 409 when it is no longer the current one.' }),
});
export const idempotencyHeader = z.object({
  'Idempotency-Key': z
    .string()
    .min(1)
    .max(128)
    .optional()
    .meta({ description: 'Chosen by the caller: the same key with the same body creates once and answers the same.' }),
});
export const lastEventHeader = z.object({
  'Last-Event-ID': z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Id of the last event seen; the stream resumes after it.' }),
});

export const json = (description: string, schema: z.ZodType): OperationResponse => ({
  description,
  content: { 'application/json': schema },
});
/** JSON with an `ETag`. */
export const tagged = (description: string, schema: z.ZodType): OperationResponse => ({
  ...json(description, schema),
  headers: etagHeader,
});
/** 201 with `Location`. */
export const created = (description: string, schema: z.ZodType): OperationResponse => ({
  ...json(description, schema),
  headers: z.object({ Location: z.string().meta({ description: 'Path of the new resource.' }) }),
});
export const text = (description: string, mediaType: string): OperationResponse => ({
  description,
  content: { [mediaType]: z.string() },
});
export const nothing = (description: string): OperationResponse => ({ description, content: {} });
/** A cursor page; with `format=csv|ndjson` everything that matches, as a stream of `item`s. */
export const list = (description: string, page: z.ZodType, item: z.ZodType): OperationResponse => ({
  description,
  content: { 'application/json': page, 'application/x-ndjson': item, 'text/csv': z.string() },
});

const PROBLEMS = {
  400: 'Malformed: parameters, headers or body do not match their schema; `errors` lists each.',
  401: 'Nobody this server knows.',
  403: 'Refused: the caller may not do this.',
  404: 'No such thing.',
  409: 'In conflict with the current state: a stale revision, or it exists already.',
  410: 'It is over; what was reported is noted and changes nothing.',
  413: 'The body is too large.',
  414: 'A path parameter is too long to be any id.',
  415: 'The body is not JSON by its content type.',
  429: 'Too many requests.',
  500: 'A fault of the server; the request id is in its log.',
  503: 'The server cannot serve this now, for example because storage refuses.',
} as const;

/** RFC 9457 problems by status; 400, 401, 403 and 500 can always happen, 414 with a path parameter. */
export const problems = (...statuses: (keyof typeof PROBLEMS)[]): Record<number, OperationResponse> =>
  Object.fromEntries(
    [
      ...new Set<keyof typeof PROBLEMS>([
        400,
        401,
        403,
        500,
        ...statuses,
        ...(statuses.includes(404) ? [414 as const] : []),
      ]),
    ].map((status) => [
      status,
      { description: PROBLEMS[status], content: { 'application/problem+json': problemSchema } },
    ]),
  );

/** `problems`, and what can be wrong with a request body. */
export const bodyProblems = (...statuses: (keyof typeof PROBLEMS)[]): Record<number, OperationResponse> =>
  problems(413, 415, ...statuses);
