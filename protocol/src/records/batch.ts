/** The envelope of records on the wire, and its codec: everything that is checked after the frame. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { ProtocolError } from '../errors.ts';
import { decodeFrame, encodeFrame } from '../frame.ts';
import { epochSchema, instantSchema } from '../identifiers.ts';
import { examplesOf } from '../schema-examples.ts';
import { schemaFault } from '../schema-fault.ts';
import type { RecordKind } from '../topics.ts';
import { eventSchema, type DeviceEvent } from './event.ts';
import { predictionSchema, type Prediction } from './prediction.ts';
import { PRIORITY_CLASSES } from './priority-classes.ts';
import { readingSchema, type Reading } from './reading.ts';

/** `live` records go out as they are made; `backlog` is what waited, oldest first, beside the live ones. */
export const laneSchema = z.enum(['live', 'backlog']).meta({ id: 'Lane' });
export type Lane = z.infer<typeof laneSchema>;

export { PRIORITY_CLASSES } from './priority-classes.ts';
export const priorityClassSchema = z.enum(PRIORITY_CLASSES).meta({ id: 'PriorityClass' });
export type PriorityClass = z.infer<typeof priorityClassSchema>;

/** What the device knows of its clock when it sends. */
export const clockStateSchema = z
  .object({
    state: z.enum(['synchronised', 'unsynchronised']),
    offsetMs: z
      .number()
      .optional()
      .describe(
        'Server time minus device time in milliseconds, as measured by the last time request; absent until known.',
      ),
  })
  .meta({ id: 'ClockState' });
export type ClockState = z.infer<typeof clockStateSchema>;

const envelope = {
  v: z.literal(1),
  epoch: epochSchema,
  class: priorityClassSchema,
  lane: laneSchema,
  sentAt: instantSchema.describe("By the device's clock."),
  clock: clockStateSchema,
};

const batchOf = <S extends z.ZodType>(record: S) =>
  z.object({ ...envelope, records: z.array(record).min(1).max(BOUNDS.recordsPerBatch) });

/** A batch around the example of its record. */
const exampleOf = (record: z.ZodType, priority: PriorityClass): { examples: unknown[] } => ({
  examples: [
    {
      v: 1,
      epoch: '9f86d081884c7d659a2f',
      class: priority,
      lane: 'live',
      sentAt: 1760000060500,
      clock: { state: 'synchronised', offsetMs: 17 },
      records: examplesOf(record),
    },
  ],
});

export const readingBatchSchema = batchOf(readingSchema).meta({
  id: 'ReadingBatch',
  ...exampleOf(readingSchema, 'reading'),
});
export const predictionBatchSchema = batchOf(predictionSchema).meta({
  id: 'PredictionBatch',
  ...exampleOf(predictionSchema, 'prediction'),
});
export const eventBatchSchema = batchOf(eventSchema).meta({ id: 'EventBatch', ...exampleOf(eventSchema, 'alarm') });

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

/** @throws ProtocolError PAYLOAD_TOO_LARGE when the caller must split the batch */
export const encodeBatch = <K extends RecordKind>(batch: Batch<K>): Uint8Array => encodeFrame(batch);

const envelopeDecoder = z.compile(z.object({ ...envelope, records: z.array(z.unknown()).min(1) }));
const recordDecoders = {
  readings: z.compile(readingSchema),
  predictions: z.compile(predictionSchema),
  events: z.compile(eventSchema),
} as const;

/** Filled by `decodeBatch`. */
export interface DecodeTally {
  /** Members of envelopes and records that this version does not know, and has left out. */
  unknownFields: number;
}

const countMembers = (value: object): number => {
  let count = 0;
  for (const _ in value) count += 1;
  return count;
};

/** What the schema has stripped; both sides are plain objects. */
const countStripped = (raw: unknown, parsed: object): number => countMembers(raw as object) - countMembers(parsed);

/** Members that hold one entry per channel, output or fact. */
const WIDE_MEMBERS = ['values', 'marks', 'outputs', 'data'] as const;

/** Stops counting at the bound: 200,000 keys cost no more than 65. */
const isTooWide = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  let count = 0;
  for (const _ in value) {
    count += 1;
    if (count > BOUNDS.valuesPerRecord) return true;
  }
  return false;
};

const refuse = (path: string, sentence: string): ProtocolError =>
  new ProtocolError('SCHEMA_INVALID', `Invalid batch at ${path}: ${sentence}.`);

const decodeRecord = <K extends RecordKind>(kind: K, record: unknown, index: number): RecordOfKind[K] => {
  if (typeof record === 'object' && record !== null) {
    for (const member of WIDE_MEMBERS) {
      if (isTooWide((record as Record<string, unknown>)[member])) {
        throw refuse(`records.${index}.${member}`, `at most ${BOUNDS.valuesPerRecord} entries`);
      }
    }
  }
  const parsed = recordDecoders[kind].safeParse(record);
  if (parsed.success) return parsed.data as RecordOfKind[K];
  throw schemaFault(parsed.error, `${kind} batch`, ['records', index]);
};

/**
 * All or nothing: one bad record refuses the batch, and the first fault ends the work. Sequences must ascend. Unknown
 * fields of newer agents are ignored, and counted in `tally`; a key named `__proto__` is dropped.
 * @throws ProtocolError what `decodeFrame` throws, and BATCH_TOO_LONG | NUMBER_NOT_FINITE | SCHEMA_INVALID with the path of the fault
 */
export const decodeBatch = <K extends RecordKind>(kind: K, payload: Uint8Array, tally?: DecodeTally): Batch<K> => {
  const value = decodeFrame(payload);
  const count = (value as { records?: { length?: number } }).records?.length ?? 0;
  if (count > BOUNDS.recordsPerBatch) {
    throw new ProtocolError('BATCH_TOO_LONG', `A batch of ${count} records is over ${BOUNDS.recordsPerBatch}.`);
  }
  const parsed = envelopeDecoder.safeParse(value);
  if (!parsed.success) throw schemaFault(parsed.error, `${kind} batch`);
  let previous = 0;
  const records = parsed.data.records.map((raw, index) => {
    const record = decodeRecord(kind, raw, index);
    if (record.sequence <= previous) throw refuse(`records.${index}.sequence`, 'sequences must ascend');
    previous = record.sequence;
    if (tally !== undefined) tally.unknownFields += countStripped(raw, record);
    return record;
  });
  if (tally !== undefined) tally.unknownFields += countStripped(value, parsed.data);
  return { ...parsed.data, records };
};
