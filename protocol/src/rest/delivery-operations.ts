/** Routes of deliveries and of the secrets that sign webhooks. */
import { z } from 'zod';
import * as deliveries from './deliveries.ts';
import {
  bodyProblems,
  created,
  idempotencyHeader,
  ifMatchHeader,
  json,
  list,
  nothing,
  problems,
  type Operation,
} from './operation.ts';
import { pageQuerySchema } from './page.ts';

const deliveryParams = z.object({ deliveryId: deliveries.deliveryIdSchema });
const secretParams = z.object({ secretName: deliveries.webhookSecretNameSchema });

export const DELIVERY_OPERATIONS: readonly Operation[] = [
  {
    id: 'listDeliveries',
    method: 'get',
    path: '/api/deliveries',
    tag: 'delivery',
    summary: 'List deliveries, newest first',
    query: deliveries.deliveryQuerySchema,
    responses: {
      200: list('Deliveries.', deliveries.deliveryPageSchema, deliveries.deliverySchema),
      ...problems(503),
    },
  },
  {
    id: 'testDelivery',
    method: 'post',
    path: '/api/deliveries',
    tag: 'delivery',
    summary: 'Send a test message by a channel',
    headers: idempotencyHeader,
    body: deliveries.deliveryTestSchema,
    responses: {
      201: created('The delivery; its state tells whether it arrived.', deliveries.deliverySchema),
      ...bodyProblems(503),
    },
  },
  {
    id: 'getDelivery',
    method: 'get',
    path: '/api/deliveries/{deliveryId}',
    tag: 'delivery',
    summary: 'Show one delivery with what is sent and how its attempts went',
    params: deliveryParams,
    responses: { 200: json('The delivery.', deliveries.deliveryDetailSchema), ...problems(404, 503) },
  },
  {
    id: 'sendAgain',
    method: 'post',
    path: '/api/deliveries/{deliveryId}/send-again',
    tag: 'delivery',
    summary: 'Send a delivery again, under the same id',
    params: deliveryParams,
    headers: idempotencyHeader,
    body: deliveries.sendAgainSchema,
    responses: {
      200: json('The delivery, to be attempted at once.', deliveries.deliverySchema),
      ...bodyProblems(404, 409, 503),
    },
  },
  {
    id: 'listWebhookSecrets',
    method: 'get',
    path: '/api/webhook-secrets',
    tag: 'delivery',
    summary: 'List the names of secrets that sign webhooks',
    query: pageQuerySchema,
    responses: {
      200: list(
        'Secrets by name, without what they are.',
        deliveries.webhookSecretPageSchema,
        deliveries.webhookSecretSchema,
      ),
      ...problems(503),
    },
  },
  {
    id: 'createWebhookSecret',
    method: 'post',
    path: '/api/webhook-secrets',
    tag: 'delivery',
    summary: 'Make a secret and show it once',
    headers: idempotencyHeader,
    body: deliveries.webhookSecretCreateSchema,
    responses: {
      201: created('The new secret.', deliveries.webhookSecretShownSchema),
      ...bodyProblems(409, 503),
    },
  },
  {
    id: 'rotateWebhookSecret',
    method: 'put',
    path: '/api/webhook-secrets/{secretName}',
    tag: 'delivery',
    summary: 'Replace a secret; for a while both sign',
    params: secretParams,
    headers: ifMatchHeader,
    body: deliveries.webhookSecretRotateSchema,
    responses: {
      200: json('The new secret.', deliveries.webhookSecretShownSchema),
      ...bodyProblems(404, 409, 503),
    },
  },
  {
    id: 'deleteWebhookSecret',
    method: 'delete',
    path: '/api/webhook-secrets/{secretName}',
    tag: 'delivery',
    summary: 'Remove a secret; deliveries that name it fail from then on',
    params: secretParams,
    headers: ifMatchHeader,
    responses: { 204: nothing('Removed.'), ...problems(404, 409, 415, 503) },
  },
];
