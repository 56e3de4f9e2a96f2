/** History of readings, predictions and events, and what ingest refused. */
import { z } from 'zod';
import { deviceIdSchema, epochSchema, instantSchema } from '../identifiers.ts';
import { eventSchema, severitySchema } from '../records/event.ts';
import { predictionSchema } from '../records/prediction.ts';
import { readingSchema } from '../records/reading.ts';
import { examplesOf } from '../schema-examples.ts';
import { pageOf, pageQuerySchema } from './page.ts';

/** How far a record's time can be believed. */
export const clockVerdictSchema = z.enum(['good', 'adjusted', 'bad']).meta({ id: 'ClockVerdict' });
export type ClockVerdict = z.infer<typeof clockVerdictSchema>;

const stored = {
  deviceId: deviceIdSchema,
  epoch: epochSchema,
  receivedAt: instantSchema.describe("By the server's clock, when the batch was committed."),
  eventAt: instantSchema.describe(
    'Event time the server places the record at: observedAt when its clock is good, adjusted by the offset, or receivedAt.',
  ),
  clock: clockVerdictSchema,
};
/** The record's own example as the server holds it. */
const storedExample = (record: z.ZodType): { examples: unknown[] } => ({
  examples: examplesOf(record).map((example) => ({
    ...(example as object),
    deviceId: 'pump-07',
    epoch: '9f86d081884c7d659a2f',
    receivedAt: 1760000060600,
    eventAt: 1760000060000,
    clock: 'good',
  })),
});
export const storedReadingSchema = readingSchema
  .extend(stored)
  .meta({ id: 'StoredReading', ...storedExample(readingSchema) });
export const storedPredictionSchema = predictionSchema
  .extend(stored)
  .meta({ id: 'StoredPrediction', ...storedExample(predictionSchema) });
export const storedEventSchema = eventSchema.extend(stored).meta({ id: 'StoredEvent', ...storedExample(eventSchema) });
export type StoredReading = z.infer<typeof storedReadingSchema>;
export type StoredPrediction = z.infer<typeof storedPredictionSchema>;
export type StoredEvent = z.infer<typeof storedEventSchema>;

const range = {
  from: z.coerce.number().int().min(0).optional().describe('Event time not before this, in milliseconds.'),
  to: z.coerce.number().int().min(0).optional().describe('Event time before this, in milliseconds.'),
  order: z.enum(['asc', 'desc']).default('asc').describe('By event time.'),
};
export const historyQuerySchema = pageQuerySchema.extend(range);
export const eventQuerySchema = historyQuerySchema.extend({
  deviceId: deviceIdSchema.optional(),
  severity: severitySchema.optional(),
  kind: z.string().max(64).optional(),
});
export const storedReadingPageSchema = pageOf(storedReadingSchema).meta({ id: 'StoredReadingPage' });
export const storedPredictionPageSchema = pageOf(storedPredictionSchema).meta({ id: 'StoredPredictionPage' });
export const storedEventPageSchema = pageOf(storedEventSchema).meta({ id: 'StoredEventPage' });

/** A chart's worth of history: every bucket keeps its extremes, so a spike of one sample survives any zoom. */
export const seriesQuerySchema = z.object({
  from: z.coerce.number().int().min(0),
  to: z.coerce.number().int().min(0),
  channels: z.string().max(1_024).optional().describe('Comma-separated channel or output names; absent means all.'),
  kind: z.enum(['readings', 'predictions']).default('readings'),
  points: z.coerce
    .number()
    .int()
    .min(2)
    .max(10_000)
    .default(1_000)
    .describe('Points per channel at most, two per bucket.'),
});
export const seriesSchema = z
  .object({
    deviceId: deviceIdSchema,
    from: instantSchema,
    to: instantSchema,
    channels: z
      .record(z.string(), z.array(z.tuple([instantSchema, z.number()])))
      .describe(
        'Channel → points [eventAt, value] in time order, min and max of each bucket in the order they occurred.',
      ),
    recordCount: z.int().min(0).describe('Records read to make this.'),
    downsampled: z.boolean(),
  })
  .meta({ id: 'Series' });
export type Series = z.infer<typeof seriesSchema>;

export const deadLetterSchema = z
  .object({
    id: z.int(),
    deviceId: z.string(),
    topic: z.string(),
    receivedAt: instantSchema,
    reason: z.string().describe('A code of the error catalogue.'),
    detail: z.string(),
    sizeBytes: z.int(),
    sample: z.string().describe('First bytes of the payload, base64.'),
  })
  .meta({ id: 'DeadLetter' });
export type DeadLetter = z.infer<typeof deadLetterSchema>;
export const deadLetterQuerySchema = pageQuerySchema.extend({
  deviceId: z.string().max(63).optional(),
  reason: z.string().max(64).optional(),
});
export const deadLetterPageSchema = pageOf(deadLetterSchema).meta({ id: 'DeadLetterPage' });

/** What the server holds of one outbox epoch: the ledger's view. */
export const receivedRangesSchema = z
  .object({
    deviceId: deviceIdSchema,
    epochs: z.array(
      z.object({
        epoch: epochSchema,
        ranges: z
          .array(z.tuple([z.int(), z.int()]))
          .describe('Closed intervals [first, last], ascending, never touching.'),
        count: z.int(),
      }),
    ),
  })
  .meta({ id: 'ReceivedRanges' });
export type ReceivedRanges = z.infer<typeof receivedRangesSchema>;
