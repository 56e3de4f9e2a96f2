/** Messages to people and systems outside: where each goes, how its attempts went, and the secrets that sign webhooks. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { instantSchema } from '../identifiers.ts';
import { TOPIC_ROOT } from '../topics.ts';
import { jsonObjectSchema } from '../twin.ts';
import { pageOf, pageQuerySchema } from './page.ts';

export const webhookSecretNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a secret name is 1-63 characters of a-z, 0-9 and "-", not starting with "-"')
  .meta({ id: 'WebhookSecretName', examples: ['ops'] });

const isWebUrl = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return (url?.protocol === 'https:' || url?.protocol === 'http:') && url.username === '' && url.password === '';
};

export const webhookUrlSchema = z
  .string()
  .max(2_048)
  .refine(isWebUrl, { message: 'an http or https URL without user and password' })
  .describe('https; http and private addresses only for hosts that delivery.allowedHosts names.');

/** Names that are no filters, and not those of devices or of the broker. */
const isOpenTopic = (topic: string): boolean =>
  !/[+#\0]/.test(topic) &&
  !topic.startsWith('$') &&
  !topic.startsWith(`${TOPIC_ROOT}/devices/`) &&
  topic.split('/').length <= BOUNDS.topicDepth;

export const deliveryChannelSchema = z
  .discriminatedUnion('type', [
    z
      .strictObject({
        type: z.literal('webhook'),
        url: webhookUrlSchema,
        secretName: webhookSecretNameSchema.optional().describe('Which secret signs it; absent: default.'),
      })
      .describe('POST of JSON, signed as in Standard Webhooks.'),
    z.strictObject({ type: z.literal('email'), to: z.email().max(254) }),
    z
      .strictObject({
        type: z.literal('mqtt'),
        topic: z
          .string()
          .min(1)
          .max(256)
          .refine(isOpenTopic, { message: 'a topic name without wildcards that is no device’s' })
          .describe('Others may subscribe to what begins with shoal/v1/alerts/.'),
        retain: z.boolean().default(false),
      })
      .describe('Published by the broker of this server, at QoS 1.'),
  ])
  .meta({ id: 'DeliveryChannel', examples: [{ type: 'webhook', url: 'https://example.org/hook', secretName: 'ops' }] });
export type DeliveryChannel = z.infer<typeof deliveryChannelSchema>;

export const deliveryIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,128}$/, 'a delivery id is 1-128 characters of A-Z, a-z, 0-9 and "_.-"')
  .meta({ id: 'DeliveryId', examples: ['a-7f3c.fired.0'] });

export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;
const stateSchema = z
  .enum(DELIVERY_STATES)
  .describe('pending: not attempted yet, or to be tried again. failed: given up; it can be sent again.');
export type DeliveryState = z.infer<typeof stateSchema>;

export const deliverySchema = z
  .object({
    id: deliveryIdSchema.describe('Also the webhook-id, the same in every attempt.'),
    channel: deliveryChannelSchema,
    subject: z.string().max(128).describe('What it tells, for example alert.fired.'),
    source: z.object({ kind: z.string().max(64), id: z.string().max(256) }).describe('What it is about.'),
    state: stateSchema,
    createdAt: instantSchema,
    attempts: z.int().min(0),
    nextAttemptAt: instantSchema.nullable(),
    finishedAt: instantSchema.nullable(),
    lastError: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({
    id: 'Delivery',
    examples: [
      {
        id: 'a-7f3c.fired.0',
        channel: { type: 'webhook', url: 'https://example.org/hook' },
        subject: 'alert.fired',
        source: { kind: 'alert', id: 'a-7f3c' },
        state: 'delivered',
        createdAt: 1760000000123,
        attempts: 1,
        nextAttemptAt: null,
        finishedAt: 1760000000456,
        lastError: null,
      },
    ],
  });
export type Delivery = z.infer<typeof deliverySchema>;
export const deliveryPageSchema = pageOf(deliverySchema).meta({ id: 'DeliveryPage' });

export const deliveryAttemptSchema = z
  .object({
    attempt: z.int().min(1),
    at: instantSchema,
    durationMs: z.int().min(0),
    outcome: z.enum(['delivered', 'again', 'given-up']),
    status: z.int().nullable().describe('Of the HTTP answer or of the SMTP reply.'),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    answer: z.string().nullable().describe('The first 1,000 characters of what was answered.'),
  })
  .meta({ id: 'DeliveryAttempt' });
export type DeliveryAttempt = z.infer<typeof deliveryAttemptSchema>;

export const deliveryDetailSchema = deliverySchema
  .extend({
    body: jsonObjectSchema.nullable().describe('What is sent; null where it was over the bound.'),
    history: z.array(deliveryAttemptSchema).describe('The latest attempts, oldest first.'),
  })
  .meta({ id: 'DeliveryDetail' });
export type DeliveryDetail = z.infer<typeof deliveryDetailSchema>;

export const deliveryQuerySchema = pageQuerySchema.extend({
  state: stateSchema.optional(),
  channel: z.enum(['webhook', 'email', 'mqtt']).optional(),
  subject: z.string().max(128).optional(),
  sourceKind: z.string().max(64).optional(),
  sourceId: z.string().max(256).optional(),
  from: z.coerce.number().int().min(0).optional().describe('Created at or after this.'),
  to: z.coerce.number().int().min(0).optional().describe('Created before this.'),
});
export type DeliveryQuery = z.infer<typeof deliveryQuerySchema>;

export const deliveryTestSchema = z
  .strictObject({ channel: deliveryChannelSchema })
  .meta({ id: 'DeliveryTest', examples: [{ channel: { type: 'webhook', url: 'https://example.org/hook' } }] });

/** Why somebody sends it again; goes to the audit trail. */
export const sendAgainSchema = z
  .strictObject({ note: z.string().max(500).default('') })
  .meta({ id: 'SendAgain', examples: [{ note: 'the receiver is back' }] });

export const webhookSecretSchema = z
  .object({
    name: webhookSecretNameSchema,
    signatures: z.int().min(1).describe('Secrets that sign now: two while one replaces the other.'),
    revision: z.int().min(1).describe('Also the ETag.'),
    changedAt: instantSchema,
  })
  .meta({
    id: 'WebhookSecret',
    examples: [{ name: 'ops', signatures: 1, revision: 1760000000123, changedAt: 1760000000123 }],
  });
export type WebhookSecret = z.infer<typeof webhookSecretSchema>;
export const webhookSecretPageSchema = pageOf(webhookSecretSchema).meta({ id: 'WebhookSecretPage' });

export const webhookSecretCreateSchema = z
  .strictObject({ name: webhookSecretNameSchema })
  .meta({ id: 'WebhookSecretCreate', examples: [{ name: 'ops' }] });

export const webhookSecretShownSchema = webhookSecretSchema
  .extend({ secret: z.string().describe('Shown in this answer and never again: whsec_ and base64.') })
  .meta({ id: 'WebhookSecretShown' });
export type WebhookSecretShown = z.infer<typeof webhookSecretShownSchema>;

export const webhookSecretRotateSchema = z
  .strictObject({
    keepOldMs: z
      .int()
      .min(0)
      .max(30 * 86_400_000)
      .default(86_400_000)
      .describe('For so long the secret before signs too, so that receivers can change over.'),
  })
  .meta({ id: 'WebhookSecretRotate', examples: [{ keepOldMs: 86_400_000 }] });
