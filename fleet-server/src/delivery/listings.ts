/** How lists of deliveries and of webhook secrets look as CSV. */
import { deliverySchema, webhookSecretSchema, type Delivery, type WebhookSecret } from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const DELIVERIES: Listing<Delivery> = {
  name: 'deliveries',
  item: deliverySchema,
  columns: [
    { name: 'id', value: ({ id }) => id },
    { name: 'channel', value: ({ channel }) => channel.type },
    {
      name: 'to',
      value: ({ channel }) =>
        channel.type === 'webhook' ? channel.url : channel.type === 'email' ? channel.to : channel.topic,
    },
    { name: 'subject', value: ({ subject }) => subject },
    { name: 'sourceKind', value: ({ source }) => source.kind },
    { name: 'sourceId', value: ({ source }) => source.id },
    { name: 'state', value: ({ state }) => state },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'attempts', value: ({ attempts }) => attempts },
    { name: 'nextAttemptAt', value: ({ nextAttemptAt }) => nextAttemptAt },
    { name: 'finishedAt', value: ({ finishedAt }) => finishedAt },
    { name: 'errorCode', value: ({ lastError }) => lastError?.code },
    { name: 'errorMessage', value: ({ lastError }) => lastError?.message },
  ],
};

export const WEBHOOK_SECRETS: Listing<WebhookSecret> = {
  name: 'webhook-secrets',
  item: webhookSecretSchema,
  columns: [
    { name: 'name', value: ({ name }) => name },
    { name: 'signatures', value: ({ signatures }) => signatures },
    { name: 'revision', value: ({ revision }) => revision },
    { name: 'changedAt', value: ({ changedAt }) => changedAt },
  ],
};
