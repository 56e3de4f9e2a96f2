/** Alerts end to end in the whole server: a reading over a threshold, a signed webhook, acknowledged, silenced, resolved. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  topics,
  type Alert,
  type AlertDetail,
  type AlertPreviewAnswer,
  type AlertRuleDocument,
  type AlertRuleStatus,
  type AuditEntry,
  type Page,
  type Problem,
  type Reading,
  type Silence,
  type WebhookSecretShown,
} from '@shoal/protocol';
import { connectAsync } from 'mqtt';
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

  it('are acknowledged, noted, silenced and resolved by hand', async () => {
    const rule = {
      name: 'loud',
      on: { kind: 'readings' },
      when: { condition: 'Noise > 10' },
      labels: [{ label: 'site', value: 'north' }],
      notify: hook(),
    };
    await ask('POST', 'alert-rules', rule);
    const everywhere = {
      name: 'deafening',
      on: { kind: 'readings' },
      when: { condition: 'Noise > 1000' },
      notify: hook(),
    };
    await ask('POST', 'alert-rules', everywhere);
    await say({ Noise: 50 });
    // The reading is behind the rules before the label makes the device one of theirs.
    await until(
      async () => ((await server.get('/api/alert-rules/deafening/status')) as AlertRuleStatus).considered > 0,
    );
    await ask('DELETE', 'alert-rules/deafening');
    await ask('PATCH', 'devices/pump-1', { labels: { site: 'north' } });
    const until30 = { labels: [{ label: 'site', value: 'north' }], until: Date.now() + 30_000 };
    const silence = (await ask<Silence>('POST', 'silences', until30, { 'idempotency-key': 's' })).body;
    expect((await ask<Silence>('POST', 'silences', until30, { 'idempotency-key': 's' })).body).toEqual(silence);
    await until(async () => {
      await say({ Noise: 51 });
      return (await alerts('rule=loud&state=firing')).length > 0;
    });
    const [alert] = await alerts('rule=loud');
    const id = alert?.alertId ?? '';
    expect(alert).toMatchObject({ value: 51, notifiedAt: null, key: 'pump-1', deviceId: 'pump-1' });
    expect(told('loud')).toEqual([]);
    // What fires still is told when the silence ends.
    expect((await ask('DELETE', `silences/${silence.silenceId}`)).status).toBe(204);
    await until(() => told('loud').length > 0);
    const key = { 'idempotency-key': 'k' };
    const acknowledged = await ask<Alert>('POST', `alerts/${id}/acknowledge`, { note: 'mine' }, key);
    expect(acknowledged.body).toMatchObject({ acknowledgedBy: 'operator:local', state: 'firing' });
    const again = await ask<Alert>('POST', `alerts/${id}/acknowledge`, { note: 'mine' }, key);
    expect(again.body.revision).toBe(acknowledged.body.revision);
    await ask('POST', `alerts/${id}/notes`, { note: 'a bearing' });
    const resolved = await ask<Alert>('POST', `alerts/${id}/resolve`, {});
    expect(resolved.body).toMatchObject({ state: 'resolved', resolution: 'by-hand' });
    expect((await ask<Problem>('POST', `alerts/${id}/resolve`, {})).body.code).toBe('ALERT_RESOLVED');
    const { history } = (await server.get(`/api/alerts/${id}`)) as AlertDetail;
    expect(history.map(({ what }) => what)).toEqual([
      'fired',
      'silenced',
      'notified',
      'acknowledged',
      'noted',
      'noted',
      'resolved',
      'notified',
    ]);
    const trail = (await server.get(`/api/audit?subject=alert:${id}`)) as Page<AuditEntry>;
    expect(trail.items.map(({ action }) => action)).toContain('alert.acknowledged');
  });

  it('look at windows, and a revision takes back what a window raised', async () => {
    const at = Math.floor(Date.now() / 1_000) * 1_000 - 60_000;
    const stream = {
      name: 'flow',
      source: { kind: 'readings' },
      where: 'Flow > 0',
      key: { by: 'device' },
      window: { kind: 'tumbling', sizeMs: 1_000 },
      aggregates: [{ name: 'mean', aggregate: 'mean', value: 'Flow' }],
      allowedLatenessMs: 0,
      idleTimeoutMs: 1_000,
    };
    await ask('POST', 'streams', stream);
    const on = { kind: 'window', stream: 'flow' };
    await ask('POST', 'alert-rules', { name: 'flooded', on, when: { value: 'mean', above: 10 }, notify: hook() });
    await say({ Flow: 20 }, at);
    await until(() => told('flooded').length > 0);
    expect(told('flooded')[0]?.data).toMatchObject({ value: 20, state: 'firing', firedAt: at + 1_000 });
    await say({ Flow: 2 }, at + 500);
    await say({ Flow: 1 }, at + 600);
    await until(() => told('flooded').length > 1);
    expect(told('flooded')[1]).toMatchObject({ type: 'alert.resolved', data: { resolution: 'revised' } });
  });

  it('look at events, and at devices that are gone', async () => {
    await ask('POST', 'alert-rules', { name: 'worn', on: { kind: 'drift' }, notify: hook() });
    await ask('POST', 'alert-rules', { name: 'gone', on: { kind: 'absence', afterMs: 1_000 }, notify: hook() });
    const other = await TestDevice.online(server.mqttPort, 'pump-2');
    const observedAt = Date.now();
    const message = 'moved';
    await other.records('events', [
      { sequence: 1, observedAt, kind: 'agent.started', severity: 'info', message },
      { sequence: 2, observedAt, kind: 'drift.detected', severity: 'warning', message, data: { model: 'wear' } },
    ]);
    await until(() => told('worn').length > 0);
    expect(told('worn')).toMatchObject([{ data: { key: 'pump-2', state: 'firing' } }]);
    other.vanish();
    await until(() => told('gone').length > 0);
    expect(told('gone')[0]?.data).toMatchObject({ key: 'pump-2', state: 'firing', deviceId: 'pump-2' });
    const back = await TestDevice.online(server.mqttPort, 'pump-2', 'c-again');
    await until(() => told('gone').length > 1);
    expect(told('gone')[1]?.data).toMatchObject({ state: 'resolved', resolution: 'heard' });
    await back.client.endAsync();
    await ask('DELETE', 'devices/pump-2');
    await until(async () => (await alerts('rule=worn&state=resolved')).length > 0);
    expect((await alerts('rule=worn'))[0]?.resolution).toBe('device-removed');
  });

  it('are told on retained topics and in the live feed', async () => {
    await ask('POST', 'alert-rules', { name: 'fast', on: { kind: 'readings' }, when: { value: 'Speed', above: 5 } });
    const live = new AbortController();
    const feed = await fetch(`${server.httpUrl}/api/live?topics=alerts`, { signal: live.signal });
    await say({ Speed: 9 });
    await until(async () => (await alerts('rule=fast&state=firing')).length > 0);
    const alertId = (await alerts('rule=fast'))[0]?.alertId ?? '';
    const client = await connectAsync({
      protocol: 'mqtt',
      host: '127.0.0.1',
      port: server.mqttPort,
      clientId: 'sub-1',
    });
    const heard: Alert[] = [];
    client.on('message', (_, payload) => heard.push(JSON.parse(payload.toString('utf8')) as Alert));
    await client.subscribeAsync(topics.alert(alertId), { qos: 1 });
    await until(() => heard.some(({ state }) => state === 'firing'));
    await say({ Speed: 1 });
    await until(() => heard.some(({ state }) => state === 'resolved'));
    await client.endAsync();
    let text = '';
    for await (const chunk of feed.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      if (/event: alerts[\s\S]*"state":"resolved"/.test(text)) break;
    }
    live.abort();
    expect(text).toContain(alertId);
  });

  it('say what a rule would have told in the last days', async () => {
    const preview = async (rule: object, more = {}): Promise<AlertPreviewAnswer> =>
      (await ask<AlertPreviewAnswer>('POST', 'alert-rules/preview', { rule: { name: 'trial', ...rule }, ...more }))
        .body;
    const hot = await preview({ on: { kind: 'readings' }, when: { value: 'Temperature', above: 80, clearAt: 70 } });
    expect(hot).toMatchObject({
      sentence: 'trial would have fired once in the last 7 days.',
      count: 1,
      keyCount: 1,
      isComplete: true,
      firings: [{ key: 'pump-1', value: 85, resolvedAt: expect.any(Number) }],
    });
    const noisy = await preview({ on: { kind: 'readings' }, when: { value: 'Noise', above: 100 } });
    expect(noisy).toMatchObject({ sentence: 'trial would not have fired in the last 7 days.', firings: [] });
    const flow = await preview({ on: { kind: 'window', stream: 'flow' }, when: { value: 'mean', above: 5 } });
    expect(flow).toMatchObject({ count: 1, firings: [{ key: 'pump-1', resolvedAt: null }] });
    expect((await ask('GET', 'alert-rules/trial')).status).toBe(404);
  });

  it('have rules that are guarded by name and revision, audited, and counted', async () => {
    const rule = { name: 'spare', on: { kind: 'readings' }, when: { value: 'Spare', above: 1 } };
    const made = await ask<AlertRuleDocument>('POST', 'alert-rules', rule, { 'idempotency-key': 'k' });
    const again = await ask<AlertRuleDocument>('POST', 'alert-rules', rule, { 'idempotency-key': 'k' });
    expect([again.status, again.body]).toEqual([201, made.body]);
    expect((await ask<Problem>('POST', 'alert-rules', rule)).body.code).toBe('ALERT_RULE_EXISTS');
    const unsigned = { channels: [{ type: 'webhook', url: receiver.url, secretName: 'no-such' }] };
    const refused = await ask<Problem>('POST', 'alert-rules', { ...rule, name: 'unsigned', notify: unsigned });
    expect([refused.status, refused.body.code]).toEqual([404, 'WEBHOOK_SECRET_NOT_FOUND']);
    const changed = await ask<Problem>(
      'PUT',
      'alert-rules/spare',
      { ...rule, notify: unsigned },
      { 'if-match': '"1"' },
    );
    expect(changed.body.code).toBe('WEBHOOK_SECRET_NOT_FOUND');
    await say({ Spare: 5 });
    await until(async () => (await alerts('rule=spare&state=firing')).length > 0);
    const status = (await server.get('/api/alert-rules/spare/status')) as AlertRuleStatus;
    expect(status).toMatchObject({ firing: 1, pending: 0, considered: 1, late: 0 });
    const louder = { ...rule, severity: 'alarm' };
    const replaced = await ask<AlertRuleDocument>('PUT', 'alert-rules/spare', louder, { 'if-match': '"1"' });
    expect(replaced.headers.get('etag')).toBe('"2"');
    // It decides the same, so what fires goes on.
    expect(await alerts('rule=spare&state=firing')).toHaveLength(1);
    expect((await ask<Problem>('PUT', 'alert-rules/spare', rule, { 'if-match': '"1"' })).body.code).toBe(
      'REVISION_STALE',
    );
    expect((await ask<Problem>('PUT', 'alert-rules/spare', { ...rule, name: 'other' })).body.code).toBe(
      'ALERT_RULE_INVALID',
    );
    await ask('PUT', 'alert-rules/spare', { ...rule, when: { value: 'Spare', above: 2 } });
    expect((await alerts('rule=spare')).map(({ resolution }) => resolution)).toEqual(['rule-changed']);
    expect((await ask('DELETE', 'alert-rules/spare')).status).toBe(204);
    expect((await ask<Problem>('GET', 'alert-rules/spare')).body.code).toBe('ALERT_RULE_NOT_FOUND');
    const trail = (await server.get('/api/audit?subject=alert-rule:spare')) as Page<AuditEntry>;
    expect(trail.items.map(({ action }) => action)).toEqual([
      'alert-rule.removed',
      'alert-rule.replaced',
      'alert-rule.replaced',
      'alert-rule.defined',
    ]);
    const csv = (await ask('GET', 'alerts?format=csv&rule=spare')).text.trim().split('\r\n');
    expect([csv.length, csv[0]?.split(',').slice(0, 3)]).toEqual([2, ['alertId', 'rule', 'severity']]);
  });
});
