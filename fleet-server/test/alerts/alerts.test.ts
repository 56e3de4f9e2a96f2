/** Alerts end to end in the whole server: a reading over a threshold, a signed webhook, acknowledged, silenced, resolved. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Alert, AlertDetail, Page, Reading, WebhookSecretShown } from '@shoal/protocol';
import { call, type Answer, type Method } from '../call.ts';
import { WebhookReceiver } from '../delivery/webhook-receiver.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

interface Told {
  readonly type: string;
  readonly title: string;
  readonly data: Alert;
}

describe('alerts', () => {
  let server: TestServer;
  let device: TestDevice;
  let sequence = 0;
  const receiver = new WebhookReceiver();
  beforeAll(async () => {
    await receiver.start();
    server = await startTestServer({
      SHOAL_ALERTS_IDLE_MS: '20',
      SHOAL_STREAMS_IDLE_MS: '20',
      SHOAL_DELIVERY_ALLOWED_HOSTS: '127.0.0.1',
    });
    receiver.secret = (await ask<WebhookSecretShown>('POST', 'webhook-secrets', { name: 'ops' })).body.secret;
    device = await TestDevice.online(server.mqttPort, 'pump-1');
  });
  afterAll(async () => {
    await device.client.endAsync();
    await server.stopAndRemove();
    await receiver.stop();
  });

  const ask = <T>(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> =>
    call<T>(method, `${server.httpUrl}/api/${path}`, body, headers);
  const alerts = async (query = ''): Promise<Alert[]> =>
    ((await server.get(`/api/alerts?${query}`)) as Page<Alert>).items;
  const say = async (values: Reading['values'], observedAt = Date.now()): Promise<void> => {
    sequence += 1;
    await device.records('readings', [{ sequence, observedAt, source: 'pump', values }]);
  };
  const told = (rule: string): Told[] =>
    receiver.received.map(({ body }) => body as Told).filter(({ data }) => data.rule === rule);
  const hook = () => ({ channels: [{ type: 'webhook', url: receiver.url, secretName: 'ops' }] });

  it('tell a receiver when a reading is over its threshold, and when it is over', async () => {
    const rule = {
      name: 'hot',
      severity: 'alarm',
      on: { kind: 'readings' },
      when: { value: 'Temperature', above: 80, clearAt: 70 },
      notify: hook(),
    };
    expect((await ask('POST', 'alert-rules', rule)).status).toBe(201);
    for (const Temperature of [60, 85, 90, 75]) await say({ Temperature });
    await until(() => told('hot').length > 0);
    expect(told('hot')).toMatchObject([
      {
        type: 'alert.fired',
        title: 'alarm: hot fires for pump-1',
        data: { key: 'pump-1', value: 85, state: 'firing' },
      },
    ]);
    expect(receiver.received.every(({ isSigned }) => isSigned)).toBe(true);
    await say({ Temperature: 69 });
    await until(() => told('hot').length > 1);
    expect(told('hot')[1]).toMatchObject({ type: 'alert.resolved', data: { resolution: 'over', value: 69 } });
    const [alert] = await alerts('rule=hot');
    const { history } = (await server.get(`/api/alerts/${alert?.alertId}`)) as AlertDetail;
    expect(history.map(({ what, value }) => [what, value])).toEqual([
      ['fired', 85],
      ['notified', null],
      ['resolved', 69],
      ['notified', null],
    ]);
  });
});
