/** A server killed again and again while alerts fire and are told: each fires once, and reaches the receiver under one id. */
import { afterEach, expect, test } from '@jest/globals';
import type { Alert, Delivery, Page, WebhookSecretShown } from '@shoal/protocol';
import { LightFleet } from '../src/light-fleet.ts';
import { environment } from './support/config.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, getJson, scenarioOf, sendJson, temporaryFolder, testbed } from './support/rig.ts';
import { webhookReceiver } from './support/webhook-receiver.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const DEVICES = 12;
const KILLS = 2;

test('alerts fire once and are told at least once over kill -9', async () => {
  const receiver = await webhookReceiver(cleanup);
  const bed = await testbed(temporaryFolder(cleanup), cleanup, {
    environment: {
      ...environment,
      SHOAL_DELIVERY_ALLOWED_HOSTS: '127.0.0.1',
      SHOAL_DELIVERY_FIRST_RETRY_MS: '50',
      SHOAL_DELIVERY_LONGEST_RETRY_MS: '200',
      SHOAL_ALERTS_IDLE_MS: '20',
    },
  });
  const api = (path: string): string => `${bed.httpUrl}/api/${path}`;
  receiver.secret = (await sendJson<WebhookSecretShown>('POST', api('webhook-secrets'), { name: 'ops' })).secret;
  const channels = [{ type: 'webhook', url: receiver.url, secretName: 'ops' }];
  const rules = [0, 1, 2, 3].map((number) => ({
    name: `any-${number}`,
    on: { kind: 'readings' },
    when: { value: 'Pressure', above: -1e9 },
    // Some fire while the others are told.
    forMs: number * 2_000,
    notify: { channels },
  }));
  for (const rule of rules) await sendJson('POST', api('alert-rules'), rule);
  const fleet = new LightFleet({
    host: '127.0.0.1',
    port: bed.devicePort,
    scenario: scenarioOf(DEVICES, 50),
    deviceId: (index) => `light-${index}`,
    trueNow: Date.now,
    runId: 'alerts',
    onProduced: () => undefined,
  });
  cleanup.later(async () => fleet.stop());
  receiver.isSilent = true;
  fleet.start(new AbortController().signal);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const before = receiver.received.length;
    await eventually('something is on its way to the receiver', () => receiver.received.length > before, 30_000);
    await bed.killServer();
    // What is told next is answered, so that deliveries of every age are on their way at the next kill.
    receiver.isSilent = !receiver.isSilent;
    await bed.startServer();
  }
  receiver.isSilent = false;
  const wanted = DEVICES * rules.length;
  await eventually(
    'every rule has fired for every device, and was told',
    async () => {
      const { items } = await getJson<Page<Delivery>>(api('deliveries?state=delivered&limit=1000'));
      return items.length >= wanted;
    },
    60_000,
  );
  const alerts = (await getJson<Page<Alert>>(api('alerts?limit=1000'))).items;
  expect(alerts.map(({ rule, key, state }) => `${rule} ${key} ${state}`).toSorted()).toEqual(
    rules
      .flatMap(({ name }) => Array.from({ length: DEVICES }, (_, index) => `${name} light-${index} firing`))
      .toSorted(),
  );
  const told = receiver.received.filter(({ isSigned }) => isSigned).map(({ id }) => id);
  expect([...new Set(told)].toSorted()).toEqual(alerts.map(({ alertId }) => `${alertId}.1.0`).toSorted());
  expect(told).toHaveLength(receiver.received.length);
}, 150_000);
