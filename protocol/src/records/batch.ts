/** The envelope of records on the wire: framing, compression, and the checks that come before and after parsing. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { ProtocolError } from '../errors.ts';
import { epochSchema, instantSchema } from '../identifiers.ts';
import { jsonDepthExceeds } from '../json-depth.ts';
import type { RecordKind } from '../topics.ts';
import { eventSchema, type DeviceEvent } from './event.ts';
import { predictionSchema, type Prediction } from './prediction.ts';
import { readingSchema, type Reading } from './reading.ts';

/** `live` records go out as they are made; `backlog` is what waited, oldest first, beside the live ones. */
export const laneSchema = z.enum(['live', 'backlog']).meta({ id: 'Lane' });
export type Lane = z.infer<typeof laneSchema>;

/** Outbox priority, highest first. Order on the wire holds per (device, class, lane). */
export const PRIORITY_CLASSES = ['alarm', 'prediction', 'reading', 'debug'] as const;
export const priorityClassSchema = z.enum(PRIORITY_CLASSES).meta({ id: 'PriorityClass' });
export type PriorityClass = z.infer<typeof priorityClassSchema>;

/** What the device knows of its clock when it sends. */
export const clockStateSchema = z
  .object({
    state: z.enum(['synchronised', 'unsynchronised']),
    /** Server time minus device time in milliseconds, as measured by the last `time` request; absent until known. */
    offsetMs: z.number().optional(),
  })
  .meta({ id: 'ClockState' });
export type ClockState = z.infer<typeof clockStateSchema>;

const envelope = {
  v: z.literal(1),
  epoch: epochSchema,
  class: priorityClassSchema,
  lane: laneSchema,
  /** By the device's clock. */
  sentAt: instantSchema,
  clock: clockStateSchema,
};

const batchOf = <S extends z.ZodType>(record: S) =>
  z.object({ ...envelope, records: z.array(record).min(1).max(BOUNDS.recordsPerBatch) });

export const readingBatchSchema = batchOf(readingSchema).meta({ id: 'ReadingBatch' });
export const predictionBatchSchema = batchOf(predictionSchema).meta({ id: 'PredictionBatch' });
export const eventBatchSchema = batchOf(eventSchema).meta({ id: 'EventBatch' });

export const batchSchemas = {
  readings: readingBatchSchema,
  predictions: predictionBatchSchema,
  events: eventBatchSchema,
} as const;

export interface RecordOfKind {
  readings: Reading;
  predictions: Prediction;
  events: DeviceEvent;
}
export type AnyRecord = RecordOfKind[RecordKind];

/** One batch of one kind; records in ascending sequence. */
export interface Batch<K extends RecordKind = RecordKind> {
  v: 1;
  epoch: string;
  class: PriorityClass;
  lane: Lane;
  sentAt: number;
  clock: ClockState;
  records: RecordOfKind[K][];
}

const GZIP_MAGIC = 0x1f;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** Frames any JSON value: as it is when small, gzip above `BOUNDS.compressAboveBytes` when that is smaller. */
export const encodeFrame = (value: unknown): Uint8Array => {
  const json = Buffer.from(JSON.stringify(value), 'utf8');
  const frame = json.length > BOUNDS.compressAboveBytes ? smaller(gzipSync(json, { level: 1 }), json) : json;
  if (frame.length > BOUNDS.frameBytes) {
    throw new ProtocolError(
      'PAYLOAD_TOO_LARGE',
      `A payload of ${frame.length} bytes does not fit a frame; send fewer records.`,
    );
  }
  return frame;
};

const smaller = (a: Uint8Array, b: Uint8Array): Uint8Array => (a.length < b.length ? a : b);

const decoder = new TextDecoder('utf-8', { fatal: true });

const inflate = (payload: Uint8Array): Uint8Array => {
  try {
    return gunzipSync(payload, { maxOutputLength: BOUNDS.inflatedBytes });
  } catch (cause) {
    const tooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    throw tooLarge
      ? new ProtocolError('PAYLOAD_INFLATES_TOO_LARGE', `A payload inflates over ${BOUNDS.inflatedBytes} bytes.`, {
          cause,
        })
      : new ProtocolError('PAYLOAD_GZIP_INVALID', 'A payload starts like gzip and cannot be inflated.', { cause });
  }
};

/**
 * Unframes to parsed JSON: size, gzip, UTF-8 and nesting are checked before `JSON.parse` sees a byte.
 * @throws ProtocolError FRAME_TOO_LARGE | PAYLOAD_GZIP_INVALID | PAYLOAD_INFLATES_TOO_LARGE | PAYLOAD_NOT_JSON | PAYLOAD_TOO_DEEP
 */
export const decodeFrame = (payload: Uint8Array): unknown => {
  if (payload.length > BOUNDS.frameBytes) {
    throw new ProtocolError('FRAME_TOO_LARGE', `A payload of ${payload.length} bytes is over ${BOUNDS.frameBytes}.`);
  }
  const bytes = payload[0] === GZIP_MAGIC ? inflate(payload) : payload;
  if (bytes[0] !== OPEN_BRACE && bytes[0] !== OPEN_BRACKET) {
    throw new ProtocolError('PAYLOAD_NOT_JSON', 'A payload must start with "{", "[" or the gzip magic.');
  }
  if (jsonDepthExceeds(bytes, BOUNDS.jsonDepth)) {
    throw new ProtocolError('PAYLOAD_TOO_DEEP', `JSON nested deeper than ${BOUNDS.jsonDepth} levels.`);
  }
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (cause) {
    throw new ProtocolError('PAYLOAD_NOT_JSON', 'A payload is not JSON in UTF-8.', { cause });
  }
};

/** @throws ProtocolError PAYLOAD_TOO_LARGE when the caller must split the batch */
export const encodeBatch = <K extends RecordKind>(batch: Batch<K>): Uint8Array => encodeFrame(batch);

/**
 * Unknown fields of newer agents are ignored.
 * @throws ProtocolError what `decodeFrame` throws, and BATCH_TOO_LONG | NUMBER_NOT_FINITE | SCHEMA_INVALID with the path of the first fault
 */
export const decodeBatch = <K extends RecordKind>(kind: K, payload: Uint8Array): Batch<K> => {
  const value = decodeFrame(payload);
  const parsed = batchSchemas[kind].safeParse(value);
  if (parsed.success) return parsed.data as Batch<K>;
  throw schemaFault(parsed.error, `${kind} batch`);
};

/** Names the first fault of a schema check with its path. */
export const schemaFault = (error: z.ZodError, what: string): ProtocolError => {
  const issue = error.issues[0];
  const path = issue === undefined || issue.path.length === 0 ? '(root)' : issue.path.join('.');
  const message = `Invalid ${what} at ${path}: ${issue?.message ?? 'unknown fault'}.`;
  if (issue?.code === 'too_big' && path === 'records') return new ProtocolError('BATCH_TOO_LONG', message);
  const numeric = issue?.code === 'invalid_type' && issue.expected === 'number' && /Infinity|NaN/.test(issue.message);
  return new ProtocolError(numeric ? 'NUMBER_NOT_FINITE' : 'SCHEMA_INVALID', message);
};
