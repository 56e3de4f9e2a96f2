/** Requests a device makes of the fleet over MQTT, and their replies: every request has a deadline, every reply an outcome. */
import { z } from 'zod';
import { instantSchema, requestIdSchema } from './identifiers.ts';
import { desiredTwinSchema, jsonObjectSchema } from './twin.ts';

const requestOf = <S extends z.ZodType>(body: S) =>
  z.object({
    v: z.literal(1),
    requestId: requestIdSchema,
    deadlineMs: z
      .int()
      .min(1)
      .max(600_000)
      .describe(
        'Milliseconds the device waits from sending; the server does not start what cannot be answered in time.',
      ),
    body,
  });

/** `time`: the answer lets the device measure its clock offset as NTP does, from four instants. */
export const timeRequestSchema = requestOf(z.object({ deviceTime: instantSchema })).meta({
  id: 'TimeRequest',
  examples: [{ v: 1, requestId: 't-1', deadlineMs: 5000, body: { deviceTime: 1760000000123 } }],
});
export const timeReplySchema = z
  .object({ deviceTime: instantSchema, receivedAt: instantSchema, sentAt: instantSchema })
  .meta({ id: 'TimeReply' });

/** `context`: data the fleet has about this device or its entity, to be kept with an age. */
export const contextRequestSchema = requestOf(
  z.object({
    keys: z
      .array(z.string().min(1).max(128))
      .max(64)
      .optional()
      .describe('What to look up; absent means everything the device may see.'),
  }),
).meta({ id: 'ContextRequest', examples: [{ v: 1, requestId: 'x-1', deadlineMs: 3000, body: { keys: ['site'] } }] });
export const contextReplySchema = z
  .object({
    values: jsonObjectSchema.describe(
      'Key → value; a key that was asked for and is unknown is absent here and listed in missing.',
    ),
    missing: z.array(z.string()),
    asOf: instantSchema.describe('Server time at which the values were read.'),
    maxAgeMs: z.int().min(0).describe('The device may use the values for this long without asking again.'),
  })
  .meta({ id: 'ContextReply' });
export type ContextReply = z.infer<typeof contextReplySchema>;

export const twinGetRequestSchema = requestOf(z.object({})).meta({
  id: 'TwinGetRequest',
  examples: [{ v: 1, requestId: 'g-1', deadlineMs: 5000, body: {} }],
});

export const requestSchemas = {
  time: timeRequestSchema,
  context: contextRequestSchema,
  'twin.get': twinGetRequestSchema,
} as const;
export type ServedMethod = keyof typeof requestSchemas;

export const replyBodySchemas = {
  time: timeReplySchema,
  context: contextReplySchema,
  'twin.get': desiredTwinSchema,
} as const;

export interface ReplyBodyOf {
  time: z.infer<typeof timeReplySchema>;
  context: ContextReply;
  'twin.get': z.infer<typeof desiredTwinSchema>;
}

export const requestOutcomeSchema = z.enum(['ok', 'refused', 'failed', 'expired', 'unsupported']);

/** On `down/reply/{requestId}`; `body` is present exactly when the outcome is `ok`. */
export const replySchema = z
  .object({
    v: z.literal(1),
    requestId: requestIdSchema,
    outcome: requestOutcomeSchema,
    body: z.unknown().optional(),
    error: z.object({ code: z.string().max(64), message: z.string().max(1_024), retryable: z.boolean() }).optional(),
  })
  .meta({
    id: 'Reply',
    examples: [
      {
        v: 1,
        requestId: 't-1',
        outcome: 'ok',
        body: { deviceTime: 1760000000123, receivedAt: 1760000000140, sentAt: 1760000000141 },
      },
    ],
  });
export type Reply = z.infer<typeof replySchema>;

/**
 * Clock offset (server minus device) and round trip in milliseconds from the four instants of one `time` exchange
 * (RFC 5905 section 8: theta and delta).
 */
export const clockOffset = (
  reply: ReplyBodyOf['time'],
  deviceReceivedAt: number,
): { readonly offsetMs: number; readonly roundTripMs: number } => ({
  offsetMs: (reply.receivedAt - reply.deviceTime + (reply.sentAt - deviceReceivedAt)) / 2,
  roundTripMs: deviceReceivedAt - reply.deviceTime - (reply.sentAt - reply.receivedAt),
});
