/** Context end to end: put by people, asked for by devices. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  topics,
  type AuditEntry,
  type ContextDocument,
  type ContextReply,
  type Page,
  type Problem,
  type Reply,
} from '@shoal/protocol';
import { call, type Answer } from '../call.ts';
import { startTestServer, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

describe('context', () => {
  let server: TestServer;
  const devices: TestDevice[] = [];
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterEach(() => {
    for (const device of devices.splice(0)) device.client.end(true);
  });
  afterAll(async () => {
    await server.stopAndRemove();
  });

  const put = <T = ContextDocument>(
    path: string,
    values: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>> => call<T>('PUT', `${server.httpUrl}/api/${path}`, { values }, headers);
  const ask = async (device: TestDevice, requestId: string, keys?: string[], deadlineMs = 5_000): Promise<Reply> => {
    const body = keys ? { keys } : {};
    await device.say(topics.request(device.deviceId, 'context'), { v: 1, requestId, deadlineMs, body });
    return device.reply(requestId);
  };

  it('answers a device with its own values over the fleet’s, its labels, and what is missing', async () => {
    const device = await TestDevice.online(server.mqttPort, 'asker');
    devices.push(device);
    await call('PATCH', `${server.httpUrl}/api/devices/asker`, { labels: { line: '4' } });
    await put('context/fleet', { site: 'north', shift: { name: 'late' }, labels: 'not these' });
    await put('devices/asker/context', { site: 'south' });
    const { outcome, body } = await ask(device, 'x-1', ['site', 'shift', 'labels', 'nope', '__proto__']);
    expect(outcome).toBe('ok');
    const { values, missing, asOf, maxAgeMs } = body as ContextReply;
    expect(values).toEqual({ site: 'south', shift: { name: 'late' }, labels: { line: '4' } });
    expect(missing).toEqual(['nope', '__proto__']);
    expect(asOf).toBeGreaterThan(0);
    expect(maxAgeMs).toBeGreaterThan(0);
    const everything = (await ask(device, 'x-2')).body as ContextReply;
    expect(Object.keys(everything.values).toSorted()).toEqual(['labels', 'shift', 'site']);
    expect(everything.missing).toEqual([]);
  });

  it('replaces whole, counts revisions, guards with If-Match, and audits', async () => {
    await call('POST', `${server.httpUrl}/api/devices`, { deviceId: 'kept' });
    expect((await call<ContextDocument>('GET', `${server.httpUrl}/api/devices/kept/context`)).body).toEqual({
      deviceId: 'kept',
      values: {},
      revision: 0,
      updatedAt: null,
    });
    const first = await put('devices/kept/context', { a: 1, b: 2 });
    expect(first.headers.get('etag')).toBe('"1"');
    const second = await put('devices/kept/context', { b: 3 }, { 'if-match': '"1"' });
    expect(second.body).toMatchObject({ deviceId: 'kept', values: { b: 3 }, revision: 2 });
    const stale = await put<Problem>('devices/kept/context', { c: 1 }, { 'if-match': '"1"' });
    expect([stale.status, stale.body.code]).toEqual([409, 'REVISION_STALE']);
    const trail = (await server.get('/api/audit?subject=context:device:kept')) as Page<AuditEntry>;
    expect(trail.items[0]).toMatchObject({ action: 'context.replaced', before: { a: 1, b: 2 }, after: { b: 3 } });
  });

  it('refuses what is too large, of an unknown device, or not an object', async () => {
    expect((await put<Problem>('context/fleet', { note: 'x'.repeat(70_000) })).body.code).toBe('CONTEXT_TOO_LARGE');
    expect((await put<Problem>('devices/nobody/context', {})).body.code).toBe('DEVICE_NOT_FOUND');
    expect((await put<Problem>('context/fleet', [1])).status).toBe(400);
    expect((await call<Problem>('PUT', `${server.httpUrl}/api/context/fleet`, { site: 'north' })).status).toBe(400);
  });
});
