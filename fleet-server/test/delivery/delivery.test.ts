/** Webhooks of the whole server to a real receiver: signed, tried again, given up, sent again, and nowhere inside. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type {
  AuditEntry,
  Delivery,
  DeliveryChannel,
  DeliveryDetail,
  Page,
  Problem,
  WebhookSecret,
  WebhookSecretShown,
} from '@shoal/protocol';
import { connectAsync } from 'mqtt';
import { call, type Answer, type Method } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

describe('deliveries', () => {
  let server: TestServer;
  const receiver = new WebhookReceiver();
  beforeAll(async () => {
    await receiver.start();
    server = await startTestServer({
      SHOAL_DELIVERY_ALLOWED_HOSTS: '127.0.0.1',
      SHOAL_DELIVERY_FIRST_RETRY_MS: '20',
      SHOAL_DELIVERY_GIVE_UP_MS: '1500',
      SHOAL_DELIVERY_ATTEMPT_TIMEOUT_MS: '500',
      SHOAL_DELIVERY_BODY_BYTES: '4096',
    });
    receiver.secret = (await ask<WebhookSecretShown>('POST', 'webhook-secrets', { name: 'ops' })).body.secret;
  });
  afterAll(async () => {
    await server.stopAndRemove();
    await receiver.stop();
  });
  beforeEach(() => {
    receiver.received.length = 0;
    receiver.answer = (response) => response.writeHead(204).end();
  });

  const ask = <T>(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> =>
    call<T>(method, `${server.httpUrl}/api/${path}`, body, headers);
  const show = async (id: string): Promise<DeliveryDetail> =>
    (await ask<DeliveryDetail>('GET', `deliveries/${id}`)).body;
  const hook = (url = receiver.url): DeliveryChannel => ({ type: 'webhook', url, secretName: 'ops' });
  const send = async (channel: DeliveryChannel): Promise<string> =>
    (await ask<Delivery>('POST', 'deliveries', { channel })).body.id;
  const ends = async (id: string, state: Delivery['state']): Promise<DeliveryDetail> => {
    await until(async () => (await show(id)).state === state);
    return show(id);
  };

  it('posts a signed message, and says so in the log', async () => {
    const id = await send(hook());
    const { history, attempts, lastError } = await ends(id, 'delivered');
    expect(receiver.received).toMatchObject([{ id, isSigned: true, body: { type: 'delivery.test' } }]);
    expect({ attempts, lastError }).toEqual({ attempts: 1, lastError: null });
    expect(history).toMatchObject([{ attempt: 1, outcome: 'delivered', status: 204, error: null }]);
  });

  it('tries again under the same id until it is taken', async () => {
    receiver.answer = (response) =>
      response.writeHead(receiver.received.length < 3 ? 503 : 200, { 'retry-after': '0' }).end('busy');
    const id = await send(hook());
    const { history } = await ends(id, 'delivered');
    expect(receiver.received.map((received) => [received.id, received.isSigned])).toEqual(
      Array.from({ length: 3 }, () => [id, true]),
    );
    expect(history.map(({ outcome, status, answer }) => [outcome, status, answer])).toEqual([
      ['again', 503, 'busy'],
      ['again', 503, 'busy'],
      ['delivered', 200, 'busy'],
    ]);
  });

  it('is given up after its time, and sent again when somebody asks', async () => {
    receiver.answer = (response) => response.writeHead(500).end();
    const id = await send(hook());
    const failed = await ends(id, 'failed');
    expect(failed).toMatchObject({ nextAttemptAt: null, lastError: { code: 'DELIVERY_REJECTED' } });
    expect(failed.history.at(-1)).toMatchObject({ outcome: 'given-up', status: 500 });
    receiver.answer = (response) => response.writeHead(200).end();
    const again = await ask<Delivery>('POST', `deliveries/${id}/send-again`, { note: 'it is up' });
    expect([again.status, again.body.state]).toEqual([200, 'pending']);
    expect(await ends(id, 'delivered')).toMatchObject({ attempts: failed.attempts + 1, lastError: null });
    expect(new Set(receiver.received.map((received) => received.id))).toEqual(new Set([id]));
    const trail = (await server.get(`/api/audit?subject=delivery:${id}`)) as Page<AuditEntry>;
    expect(trail.items).toMatchObject([
      { action: 'delivery.sent-again', before: { state: 'failed' }, after: { note: 'it is up' } },
    ]);
  });

  it('follows no redirect, and wants no more where it is gone', async () => {
    receiver.answer = (response) => response.writeHead(302, { location: receiver.url }).end();
    const redirected = await send(hook());
    await until(async () => (await show(redirected)).attempts > 0);
    expect((await show(redirected)).lastError).toMatchObject({
      code: 'DELIVERY_REJECTED',
      message: expect.stringContaining('redirects are not followed'),
    });
    await ends(redirected, 'failed');
    receiver.answer = (response) => response.writeHead(410).end();
    const gone = await ends(await send(hook()), 'failed');
    expect(gone).toMatchObject({ attempts: 1, lastError: { code: 'DELIVERY_GONE' } });
  });

  it('does not wait for ever, nor read for ever', async () => {
    receiver.answer = () => {};
    const silent = await send(hook());
    await until(async () => (await show(silent)).attempts > 0);
    expect((await show(silent)).lastError?.code).toBe('DELIVERY_TIMED_OUT');
    receiver.answer = (response) => {
      response.writeHead(200);
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
        response.once('drain', pour);
      };
      pour();
    };
    const endless = await ends(await send(hook()), 'delivered');
    expect(endless.history[0]?.answer).toHaveLength(1_000);
    await ends(silent, 'delivered');
  });

  it('lets a receiver that hangs hold up nobody else', async () => {
    const other = new WebhookReceiver();
    await other.start();
    receiver.answer = () => {};
    const stuck = await Promise.all(Array.from({ length: 12 }, () => send(hook())));
    await until(() => receiver.received.length > 0);
    await ends(await send(hook(other.url)), 'delivered');
    const states = await Promise.all(stuck.map(async (id) => (await show(id)).state));
    expect(states).toContain('pending');
    receiver.answer = (response) => response.writeHead(204).end();
    await Promise.all(stuck.map((id) => until(async () => (await show(id)).state !== 'pending')));
    await other.stop();
  });

  it('publishes on a topic of the broker', async () => {
    const client = await connectAsync({
      protocol: 'mqtt',
      host: '127.0.0.1',
      port: server.mqttPort,
      clientId: 'sub-1',
    });
    const heard: unknown[] = [];
    client.on('message', (_, payload) => heard.push(JSON.parse(payload.toString('utf8'))));
    await ends(await send({ type: 'mqtt', topic: 'shoal/v1/alerts/by-hand', retain: true }), 'delivered');
    await client.subscribeAsync('shoal/v1/alerts/by-hand', { qos: 1 });
    await until(() => heard.length > 0);
    expect(heard).toMatchObject([{ type: 'delivery.test' }]);
    await client.endAsync();
  });

  it('reaches nothing that is not public unless the configuration names it', async () => {
    const port = new URL(receiver.url).port;
    const inside = [
      `https://localhost:${port}/`,
      `https://[::1]:${port}/`,
      'https://169.254.169.254/latest/meta-data/',
      'https://10.0.0.1/',
      'https://192.168.1.1/',
      'https://0.0.0.0/',
      'https://[fe80::1]/',
      'https://[fd00::1]/',
      'https://[::ffff:10.0.0.1]/',
      'https://2130706434/',
      `http://127.0.0.2:${port}/`,
      'http://example.org/',
    ];
    for (const url of inside) {
      const { lastError, attempts } = await ends(await send(hook(url)), 'failed');
      expect([url, lastError?.code, attempts]).toEqual([url, 'DELIVERY_ADDRESS_REFUSED', 1]);
    }
    expect(receiver.received).toEqual([]);
  });

  it('refuses channels that are none', async () => {
    const wrong: unknown[] = [
      { type: 'webhook', url: 'ftp://example.org/' },
      { type: 'webhook', url: 'https://user:secret@example.org/' },
      { type: 'email', to: 'nobody' },
      { type: 'email', to: 'a@example.org\r\nBcc: b@example.org' },
      { type: 'mqtt', topic: 'shoal/v1/devices/pump-1/down/twin' },
      { type: 'mqtt', topic: 'house/#' },
    ];
    for (const channel of wrong) {
      expect((await ask<Problem>('POST', 'deliveries', { channel })).body.code).toBe('REQUEST_INVALID');
    }
  });

  it('sends once for one Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'once' };
    const [first, second] = [
      await ask<Delivery>('POST', 'deliveries', { channel: hook() }, key),
      await ask<Delivery>('POST', 'deliveries', { channel: hook() }, key),
    ];
    expect(second.body.id).toBe(first.body.id);
    await ends(first.body.id, 'delivered');
    expect(receiver.received).toHaveLength(1);
  });

  it('fails without a mail server, and says what to do', async () => {
    const mail = await ends(await send({ type: 'email', to: 'ops@example.org' }), 'failed');
    expect(mail).toMatchObject({ attempts: 1, lastError: { code: 'MAIL_NOT_CONFIGURED' } });
  });

  it('lists by state, channel, subject and source, in pages and as CSV', async () => {
    const of = async (query: string): Promise<Delivery[]> =>
      ((await server.get(`/api/deliveries?${query}`)) as Page<Delivery>).items;
    expect((await of('channel=email')).map(({ state }) => state)).toEqual(['failed']);
    expect((await of('state=delivered&limit=1000')).every(({ state }) => state === 'delivered')).toBe(true);
    expect(await of('subject=alert.fired')).toEqual([]);
    const all = await of('sourceKind=test&limit=1000');
    const page = (await server.get('/api/deliveries?limit=2')) as Page<Delivery>;
    const next = (await server.get(`/api/deliveries?limit=1000&cursor=${page.nextCursor}`)) as Page<Delivery>;
    expect([...page.items, ...next.items].map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    const csv = (await ask('GET', 'deliveries?format=csv')).text.trim().split('\r\n');
    expect([csv[0]?.split(',')[0], csv.length]).toEqual(['id', all.length + 1]);
    expect((await ask<Problem>('GET', 'deliveries/none')).body.code).toBe('DELIVERY_NOT_FOUND');
  });

  describe('webhook secrets', () => {
    it('are shown once and in no list, and sign side by side while one replaces the other', async () => {
      const { body: before } = await ask<Page<WebhookSecret>>('GET', 'webhook-secrets');
      expect(before.items.map(({ name }) => name)).toEqual(['default', 'ops']);
      expect(JSON.stringify(before)).not.toContain('whsec_');
      const old = receiver.secret;
      const replaced = await ask<WebhookSecretShown>('PUT', 'webhook-secrets/ops', { keepOldMs: 60_000 });
      expect(replaced.body).toMatchObject({ name: 'ops', signatures: 2 });
      await ends(await send(hook()), 'delivered');
      receiver.secret = replaced.body.secret;
      await ends(await send(hook()), 'delivered');
      expect(receiver.received.map(({ isSigned }) => isSigned)).toEqual([true, true]);
      expect(replaced.body.secret).not.toBe(old);
      const trail = await ask('GET', 'audit?subject=webhook-secret:ops');
      expect(trail.text).toContain('webhook-secret.replaced');
      expect(trail.text).not.toContain('whsec_');
    });

    it('are made once, replaced only as read, and missed when they are gone', async () => {
      const create = (key: string): Promise<Answer<WebhookSecretShown & Problem>> =>
        ask('POST', 'webhook-secrets', { name: 'spare' }, { 'idempotency-key': key });
      const [made, again, other] = [await create('a'), await create('a'), await create('b')];
      expect([made.status, again.body.secret]).toEqual([201, made.body.secret]);
      expect(other.body.code).toBe('WEBHOOK_SECRET_EXISTS');
      const stale = { 'if-match': '"1"' };
      expect((await ask<Problem>('PUT', 'webhook-secrets/spare', {}, stale)).body.code).toBe('REVISION_STALE');
      expect((await ask('DELETE', 'webhook-secrets/spare')).status).toBe(204);
      const unsigned = await send({ type: 'webhook', url: receiver.url, secretName: 'spare' });
      expect((await ends(unsigned, 'failed')).lastError?.code).toBe('WEBHOOK_SECRET_NOT_FOUND');
    });

    it('sign by default with one that the server has made itself', async () => {
      const file = readFileSync(join(server.dataDir, 'webhook-secrets', 'default'), 'utf8');
      receiver.secret = file.trim();
      await ends(await send({ type: 'webhook', url: receiver.url }), 'delivered');
      expect(receiver.received.at(-1)?.isSigned).toBe(true);
    });
  });
});
