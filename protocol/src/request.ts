/** Requests a device makes of the fleet over MQTT, and their replies: every request has a deadline, every reply an outcome. */
import { z } from 'zod';
import { instantSchema, requestIdSchema } from './identifiers.ts';
import { inferRequestSchema } from './inference/v2-schemas.ts';
import { desiredTwinSchema, jsonObjectSchema } from './twin.ts';

/** The envelope of a request. */
export const requestOf = <S extends z.ZodType>(body: S) =>
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

/**
 * `infer`: an inference request of the Open Inference Protocol with the model it is for; `id` is the request id. It travels as the JSON
 * part of an inference frame (`encodeInferFrame`) with binary tensors behind it, or as a JSON frame. `parameters.timeout` is what is left
 * of the deadline [µs]. The answer on the reply topic is an inference frame with the response, whose `parameters.shed` (0 to 1) says how
 * much of the fallback traffic the server would rather not see, and whose `parameters.late` marks an answer after the deadline; a failure
 * is a `Reply`.
 */
export const inferMessageSchema = inferRequestSchema
  .extend({ model_name: z.string().min(1).max(128), id: requestIdSchema })
  .meta({
    id: 'InferMessage',
    examples: [
      {
        model_name: 'pump-anomaly',
        id: 'i-1',
        parameters: { timeout: 250_000, fallback: true },
        inputs: [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [0.5, -1, 2e-3] }],
      },
    ],
  });

/** `infer.cancel`: nobody waits for that answer any more. */
export const inferCancelRequestSchema = requestOf(z.object({ cancels: requestIdSchema })).meta({
  id: 'InferCancelRequest',
  examples: [{ v: 1, requestId: 'x-2', deadlineMs: 1000, body: { cancels: 'i-1' } }],
});
export const inferCancelReplySchema = z
  .object({ canceled: z.boolean().describe('False when that request was answered already, or never came.') })
  .meta({ id: 'InferCancelReply' });

export const requestSchemas = {
  time: timeRequestSchema,
  context: contextRequestSchema,
  'twin.get': twinGetRequestSchema,
  'infer.cancel': inferCancelRequestSchema,
} as const;
export type ServedMethod = keyof typeof requestSchemas;

export const replyBodySchemas = {
  time: timeReplySchema,
  context: contextReplySchema,
  'twin.get': desiredTwinSchema,
  'infer.cancel': inferCancelReplySchema,
} as const;

export interface ReplyBodyOf {
  time: z.infer<typeof timeReplySchema>;
  context: ContextReply;
  'twin.get': z.infer<typeof desiredTwinSchema>;
  'infer.cancel': z.infer<typeof inferCancelReplySchema>;
}

export const requestOutcomeSchema = z.enum(['ok', 'refused', 'failed', 'expired', 'unsupported']);

/** On `down/reply/{requestId}`; `body` is present exactly when the outcome is `ok`. */
export const replySchema = z
  .object({
    v: z.literal(1),
    requestId: requestIdSchema,
    outcome: requestOutcomeSchema,
    body: z.unknown().optional(),
    parameters: z
      .object({ shed: z.number().min(0).max(1).optional() })
      .optional()
      .describe('Of an `infer` that failed: as the parameters of one that did not.'),
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
