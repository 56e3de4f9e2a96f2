/** A server killed while it delivers: whatever it took on arrives, under the same id and signed. */
import { afterEach, expect, test } from '@jest/globals';
import type { Delivery, Page, WebhookSecretShown } from '@shoal/protocol';
import { environment } from './support/config.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, getJson, sendJson, temporaryFolder, testbed } from './support/rig.ts';
import { webhookReceiver } from './support/webhook-receiver.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const DELIVERIES = 30;

test('what was handed over before kill -9 is delivered after it', async () => {
  const receiver = await webhookReceiver(cleanup);
  const bed = await testbed(temporaryFolder(cleanup), cleanup, {
    environment: {
      ...environment,
      SHOAL_DELIVERY_ALLOWED_HOSTS: '127.0.0.1',
      SHOAL_DELIVERY_FIRST_RETRY_MS: '50',
      SHOAL_DELIVERY_LONGEST_RETRY_MS: '200',
    },
  });
  const api = (path: string): string => `${bed.httpUrl}/api/${path}`;
  receiver.secret = (await sendJson<WebhookSecretShown>('POST', api('webhook-secrets'), { name: 'ops' })).secret;
  receiver.isSilent = true;
  const channel = { type: 'webhook', url: receiver.url, secretName: 'ops' };
  const made = await Promise.all(
    Array.from({ length: DELIVERIES }, () => sendJson<Delivery>('POST', api('deliveries'), { channel })),
  );
  // Some are at the receiver, which has not answered; the others wait for a place.
  await eventually('an attempt is on its way', () => receiver.received.length > 0);
  await bed.killServer();
  const before = new Set(receiver.received.map(({ id }) => id));
  receiver.isSilent = false;
  await bed.startServer();
  await eventually('all are delivered', async () => {
    const { items } = await getJson<Page<Delivery>>(api('deliveries?state=delivered&limit=1000'));
    return items.length === DELIVERIES;
  });
  const ids = receiver.received.map(({ id }) => id);
  expect(new Set(ids)).toEqual(new Set(made.map(({ id }) => id)));
  expect(receiver.received.every(({ isSigned }) => isSigned)).toBe(true);
  // Only what was on its way when the server died comes twice.
  expect(ids.length).toBe(DELIVERIES + before.size);
}, 90_000);
