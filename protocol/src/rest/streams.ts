/** Streams over HTTP: definitions, how far they are, their windows, and a dry run on stored history. */
import { z } from 'zod';
import { instantSchema } from '../identifiers.ts';
import { streamDefinitionSchema, streamNameSchema } from '../streams/stream-definition.ts';
import { WINDOW_LEVELS } from '../streams/window-levels.ts';
import { pageOf, pageQuerySchema } from './page.ts';

export const streamDocumentSchema = z
  .object({
    name: streamNameSchema,
    definition: streamDefinitionSchema,
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('sha256 over the canonical JSON of the definition.'),
    revision: z.int().min(1).describe('Also the ETag.'),
    updatedAt: instantSchema,
  })
  .meta({ id: 'StreamDocument' });
export type StreamDocument = z.infer<typeof streamDocumentSchema>;
export const streamPageSchema = pageOf(streamDocumentSchema).meta({ id: 'StreamPage' });

/** What became of the records a stream has seen; each is in exactly one of the first five. */
export const streamTallySchema = z
  .object({
    windowed: z.int().min(0).describe('Entered their windows.'),
    filtered: z.int().min(0).describe('Did not match source and filter.'),
    unkeyed: z.int().min(0).describe('Have no key, for example because the device does not carry the label.'),
    rolledUp: z.int().min(0).describe('Came after their window was dropped, and entered the hour or day.'),
    expired: z.int().min(0).describe('Came after the retention of every level.'),
    late: z.int().min(0).describe('Of those that entered windows: their window had been published before.'),
    clockBad: z
      .int()
      .min(0)
      .describe('Of those that entered windows: placed at their receipt, because the clock was wrong.'),
  })
  .meta({ id: 'StreamTally' });
export type StreamTally = z.infer<typeof streamTallySchema>;

export const streamStatusSchema = z
  .object({
    name: streamNameSchema,
    position: z.int().min(0).describe('Last commit of the telemetry log whose effects are stored.'),
    head: z.int().min(0).describe('Last commit of the telemetry log the consumer has seen.'),
    isCaughtUp: z.boolean(),
    openWindows: z.int().min(0),
    tally: streamTallySchema,
  })
  .meta({ id: 'StreamStatus' });
export type StreamStatus = z.infer<typeof streamStatusSchema>;

export { WINDOW_LEVELS } from '../streams/window-levels.ts';
export type WindowLevel = (typeof WINDOW_LEVELS)[number];

export const windowResultSchema = z
  .object({
    stream: streamNameSchema,
    key: z.string(),
    level: z.enum(WINDOW_LEVELS),
    startAt: instantSchema.describe('Event time, inclusive; of a count window that of its earliest record.'),
    endAt: instantSchema.describe('Exclusive; of a count window just after its latest record.'),
    state: z
      .enum(['open', 'final', 'retracted'])
      .describe('open: not published yet. retracted: a session that late data has joined with an earlier one.'),
    revision: z.int().min(0).describe('0 while open; 1 when published first, and one more with every change after.'),
    records: z.int().min(0),
    clockBad: z.int().min(0).describe('Records of these that were placed at their receipt.'),
    values: z
      .record(z.string(), z.union([z.number(), z.null(), z.record(z.string(), z.number().nullable())]))
      .describe('By aggregate: a number, null where there was no value, or numbers by share or label.'),
    updatedAt: instantSchema,
  })
  .meta({
    id: 'WindowResult',
    examples: [
      {
        stream: 'pump-minute',
        key: 'pump-07',
        level: 'window',
        startAt: 1760000040000,
        endAt: 1760000100000,
        state: 'final',
        revision: 1,
        records: 60,
        clockBad: 0,
        values: { records: 60, load: 301.5, pressure: { p50: 0.38, p99: 0.41 } },
        updatedAt: 1760000130123,
      },
    ],
  });
export type WindowResult = z.infer<typeof windowResultSchema>;
export const windowPageSchema = pageOf(windowResultSchema).meta({ id: 'WindowPage' });

const flag = z.enum(['all', 'published', 'open']).default('published');
export const windowQuerySchema = pageQuerySchema.extend({
  key: z.string().max(256).optional(),
  level: z.enum(WINDOW_LEVELS).default('window'),
  from: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Windows that end after this, in milliseconds of event time.'),
  to: z.coerce.number().int().min(0).optional().describe('Windows that start before this.'),
  state: flag.describe('open: what is collected and not published yet; published: final and retracted.'),
  order: z.enum(['asc', 'desc']).default('asc').describe('By key, then by start.'),
});

export const streamPreviewSchema = z
  .strictObject({
    definition: streamDefinitionSchema,
    from: instantSchema.optional().describe('Event time; absent: as far back as records are stored.'),
    to: instantSchema.optional(),
    limit: z.int().min(1).max(1_000).default(100).describe('Windows shown.'),
  })
  .meta({
    id: 'StreamPreview',
    examples: [
      {
        definition: {
          name: 'pump-minute',
          source: { kind: 'readings' },
          key: { by: 'device' },
          window: { kind: 'tumbling', sizeMs: 60_000 },
          aggregates: [{ name: 'records', aggregate: 'count' }],
        },
      },
    ],
  });
export type StreamPreview = z.infer<typeof streamPreviewSchema>;

export const streamPreviewAnswerSchema = z
  .object({
    windows: z.array(windowResultSchema).describe('As they would be after everything that was read, by key and start.'),
    windowCount: z.int().min(0),
    keyCount: z.int().min(0),
    recordsRead: z.int().min(0),
    isComplete: z.boolean().describe('false: more is stored than a dry run reads; narrow it with from and to.'),
    tally: streamTallySchema,
  })
  .meta({ id: 'StreamPreviewAnswer' });
export type StreamPreviewAnswer = z.infer<typeof streamPreviewAnswerSchema>;
