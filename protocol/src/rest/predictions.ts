/** Asynchronous predictions over HTTP: what is asked, the ticket that stands for the answer, and the lists of tickets. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { entityIdSchema, featureValueSchema } from '../features/entity-view.ts';
import { instantSchema } from '../identifiers.ts';
import { inferTensorSchema } from '../inference/v2-schemas.ts';
import { jsonObjectSchema } from '../twin.ts';
import { webhookSecretNameSchema, webhookUrlSchema } from './deliveries.ts';
import { pageOf, pageQuerySchema } from './page.ts';
import { problemSchema } from './problem.ts';

/** `queued` and `running` are open, the others final. */
export const PREDICTION_STATES = ['queued', 'running', 'succeeded', 'failed', 'canceled', 'expired'] as const;
export const predictionStateSchema = z.enum(PREDICTION_STATES).meta({ id: 'PredictionState' });
export type PredictionState = z.infer<typeof predictionStateSchema>;

export const predictionIdSchema = z
  .string()
  .regex(/^p-[0-9a-f]{20}$/, 'the id of a ticket is "p-" and 20 lower-case hex digits')
  .meta({ id: 'PredictionId', examples: ['p-9f86d081884c7d659a2f'] });

const modelText = z.string().min(1).max(128);
const idempotencyKeySchema = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'expected 1-128 visible ASCII characters');

/** Longest time an HTTP request is held for an answer, in seconds. */
const MAX_WAIT_S = 60;
const DAY_S = 86_400;
const MAX_TTL_S = 30 * DAY_S;

const waitSchema = z.coerce.number().min(0).max(MAX_WAIT_S);

const ttlSchema = z
  .number()
  .min(1)
  .max(MAX_TTL_S)
  .default(DAY_S)
  .describe('Not answered by then, it expires and is not run.');

const asked = {
  model: modelText.describe('Name of a model this server has.'),
  version: modelText.optional().describe('Absent: the newest there is now. The ticket keeps the version.'),
  entity: entityIdSchema
    .optional()
    .describe(
      'What it is about. Where the bundle of the model pins features of entities, they are looked up when the model runs.',
    ),
  inputs: z
    .array(inferTensorSchema)
    .max(BOUNDS.tensorsPerMessage)
    .optional()
    .describe('Tensors of the Open Inference Protocol, as JSON.'),
  features: z
    .union([
      z.array(z.number()).min(1),
      z.array(z.array(z.number()).min(1)).min(1),
      z.record(z.string().min(1), featureValueSchema),
    ])
    .optional()
    .describe('As for /predict: one row, several rows, or with an entity single features by name.'),
  maxAgeS: z
    .number()
    .min(0)
    .max(MAX_TTL_S)
    .optional()
    .describe('A prediction about the entity that was finished within so many seconds is answer enough.'),
  idempotencyKey: idempotencyKeySchema
    .optional()
    .describe('As the header Idempotency-Key: the same key with the same body is the same ticket.'),
  priority: z.int().min(1).max(9).default(5).describe('1 goes first; all of them after those who wait on /v2.'),
  webhook: z
    .strictObject({ url: webhookUrlSchema, secretName: webhookSecretNameSchema.optional() })
    .optional()
    .describe(
      'Gets the ticket as POST of JSON when it is answered, failed or expired; signed as in Standard Webhooks.',
    ),
  ttlS: ttlSchema,
};

export const predictionSubmitSchema = z
  .strictObject({
    ...asked,
    wait: waitSchema.default(0).describe('Seconds to hold the request for the answer; 202 when they are over.'),
  })
  .meta({
    id: 'PredictionSubmit',
    examples: [
      { model: 'pump-risk', entity: 'pump-07', maxAgeS: 60 },
      { model: 'pump-anomaly', features: [0.1, 0.2, 0.3], wait: 5, idempotencyKey: 'order-4711' },
    ],
  });
export type PredictionSubmit = z.infer<typeof predictionSubmitSchema>;

/** Requests of one batch. */
const MAX_BATCH = 200;
export const predictionSubmitBatchSchema = z
  .strictObject({ requests: z.array(z.strictObject(asked)).min(1).max(MAX_BATCH) })
  .meta({ id: 'PredictionSubmitBatch', examples: [{ requests: [{ model: 'pump-risk', entity: 'pump-07' }] }] });
export type PredictionSubmitBatch = z.infer<typeof predictionSubmitBatchSchema>;

/** May be left out as a whole. */
export const predictionRetrySchema = z
  .strictObject({ ttlS: ttlSchema })
  .meta({ id: 'PredictionRetry', examples: [{}] });
export const predictionCancelSchema = z.strictObject({}).meta({ id: 'PredictionCancel', examples: [{}] });

export const predictionAnswerSchema = z
  .object({
    prediction: z.array(z.unknown()).describe('As from /predict: an entry a row of the output that is judged.'),
    outputs: z.array(inferTensorSchema).describe('Every output, as the Open Inference Protocol has it.'),
    parameters: jsonObjectSchema.describe(
      'Where it ran; of an entity, how old its features were and what was missing.',
    ),
  })
  .meta({ id: 'PredictionAnswer' });
export type PredictionAnswer = z.infer<typeof predictionAnswerSchema>;

const linksSchema = z.object({
  self: z.string(),
  events: z.string().describe('Server-sent events until it is final.'),
  cancel: z.string(),
  retry: z.string(),
});

export const predictionTicketSchema = z
  .object({
    id: predictionIdSchema,
    state: predictionStateSchema,
    model: z.string(),
    version: z.string(),
    entity: entityIdSchema.nullable(),
    featureVersion: z.string().nullable().describe('Hash of the vector of features that the model pins.'),
    priority: z.int(),
    createdAt: instantSchema,
    expiresAt: instantSchema,
    startedAt: instantSchema.nullable().describe('When the model was last taken to it.'),
    finishedAt: instantSchema.nullable(),
    attempts: z.int().min(0).describe('Times it was given to the model; after a kill the same work is given again.'),
    answers: z.int().min(0).describe('Times an answer was committed; more than 1 only after a retry.'),
    answer: predictionAnswerSchema.nullable(),
    error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
    links: linksSchema,
  })
  .meta({
    id: 'PredictionTicket',
    examples: [
      {
        id: 'p-9f86d081884c7d659a2f',
        state: 'succeeded',
        model: 'pump-risk',
        version: '1.0.0',
        entity: 'pump-07',
        featureVersion: '42f51a2b36dc3ee83ef7b62db5f0d71292b335e8a4df7581a8d818caebfb9f5c',
        priority: 5,
        createdAt: 1760000000000,
        expiresAt: 1760086400000,
        startedAt: 1760000000012,
        finishedAt: 1760000000020,
        attempts: 1,
        answers: 1,
        answer: {
          prediction: [0.25],
          outputs: [{ name: 'score', shape: [1], datatype: 'FP32', data: [0.25] }],
          parameters: { source: 'server', entity: 'pump-07' },
        },
        error: null,
        links: {
          self: '/api/predictions/p-9f86d081884c7d659a2f',
          events: '/api/predictions/p-9f86d081884c7d659a2f/events',
          cancel: '/api/predictions/p-9f86d081884c7d659a2f/cancel',
          retry: '/api/predictions/p-9f86d081884c7d659a2f/retry',
        },
      },
    ],
  });
export type PredictionTicket = z.infer<typeof predictionTicketSchema>;
export const predictionPageSchema = pageOf(predictionTicketSchema).meta({ id: 'PredictionPage' });

/** In the order of the requests: each has a ticket or a problem, with the status it would have had alone. */
export const predictionSubmitBatchAnswerSchema = z
  .object({
    items: z.array(
      z.object({ status: z.int(), ticket: predictionTicketSchema.optional(), problem: problemSchema.optional() }),
    ),
  })
  .meta({ id: 'PredictionSubmitBatchAnswer' });
export type PredictionSubmitBatchAnswer = z.infer<typeof predictionSubmitBatchAnswerSchema>;

const instant = z.coerce.number().int().min(0).optional();
export const predictionQuerySchema = pageQuerySchema.extend({
  state: predictionStateSchema.optional(),
  model: modelText.optional(),
  entity: entityIdSchema.optional(),
  from: instant.describe('Submitted at or after this, in milliseconds.'),
  to: instant.describe('Submitted before this.'),
  order: z.enum(['asc', 'desc']).default('desc').describe('By submission.'),
});

export const predictionShowQuerySchema = z.object({
  wait: waitSchema.default(0).describe('Seconds to hold the request until the ticket is final.'),
});

export const latestPredictionQuerySchema = z.object({
  model: modelText,
  entity: entityIdSchema,
  version: modelText.optional().describe('Absent: of any version.'),
});
