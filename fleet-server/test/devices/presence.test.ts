/** Presence through a real server and real MQTT clients: births, wills, farewells, restarts. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { topics, type Device, type Page } from '@shoal/protocol';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { EPOCH, TestDevice } from '../test-device.ts';

describe('presence', () => {
  let server: TestServer;
  let devices: TestDevice[];

  beforeEach(async () => {
    server = await startTestServer();
    devices = [];
  });
  afterEach(async () => {
    for (const device of devices) device.client.end(true);
    await server.stopAndRemove();
  });

  const online = async (id: string, connectionId?: string): Promise<TestDevice> => {
    const device = await TestDevice.online(server.mqttPort, id, connectionId);
    devices.push(device);
    return device;
  };
  const show = async (id: string): Promise<Device> => (await server.get(`/api/devices/${id}`)) as Device;
  const becomes = (id: string, state: Device['state']): Promise<void> =>
    until(async () => (await show(id)).state === state);

  it('registers a device at its first birth and answers with what it holds of the epoch', async () => {
    const device = await online('pump-1');
    await device.records('readings', [{ sequence: 5, observedAt: Date.now(), source: 'pump', values: { a: 1 } }]);
    const again = await online('pump-1', 'c-2');
    expect((await again.reply('c-2')).body).toMatchObject({ v: 1, epoch: EPOCH, highestSequence: 5 });
    expect(await show('pump-1')).toMatchObject({
      state: 'online',
      hardwareClass: 'test',
      agentVersion: '0.1.0',
      models: [{ name: 'pump-anomaly', version: '1.0.0' }],
      revision: 0,
    });
    const audit = (await server.get('/api/audit?action=device.registered')) as Page<{ principal: string }>;
    expect(audit.items.map((entry) => entry.principal)).toEqual(['device:pump-1']);
  });

  it('shows a farewell as stopped and a broken socket as lost', async () => {
    const [polite, rude] = [await online('polite'), await online('rude')];
    await polite.stop();
    rude.vanish();
    await becomes('polite', 'offline');
    await becomes('rude', 'offline');
    expect((await show('polite')).why).toContain('stopped in good order');
    expect((await show('rude')).why).toContain('connection was lost');
  });

  it('ignores the late will of an older connection', async () => {
    await online('pump-1', 'c-old');
    const newer = await online('pump-1', 'c-new');
    await newer.say(topics.presence('pump-1'), { v: 1, state: 'offline', connectionId: 'c-old', reason: 'lost' });
    expect(await show('pump-1')).toMatchObject({ state: 'online' });
    newer.vanish();
    await becomes('pump-1', 'offline');
  });

  it('knows nothing of a device after a restart until it speaks', async () => {
    const device = await online('pump-1');
    device.client.end(true);
    await becomes('pump-1', 'offline');
    const { dataDir } = server;
    await server.stop();
    server = await startTestServer({}, dataDir);
    expect(await show('pump-1')).toMatchObject({ state: 'unknown', firstSeenAt: expect.any(Number) });
    await online('pump-1');
    expect(await show('pump-1')).toMatchObject({ state: 'online' });
  });

  it('answers a time request with the four instants of NTP', async () => {
    const device = await online('pump-1');
    const body = { deviceTime: 12_345 };
    await device.say(topics.request('pump-1', 'time'), { v: 1, requestId: 't-1', deadlineMs: 5_000, body });
    const reply = await device.reply('t-1');
    expect(reply).toMatchObject({ outcome: 'ok', body: { deviceTime: 12_345 } });
    const { receivedAt, sentAt } = reply.body as unknown as { receivedAt: number; sentAt: number };
    expect(sentAt).toBeGreaterThanOrEqual(receivedAt);
  });

  it('sets a poison birth aside, acknowledges it, and refuses a malformed request with a reply', async () => {
    const device = await online('pump-1');
    await device.say(topics.presence('pump-1'), { v: 1, state: 'online' });
    await device.say(topics.presence('pump-1'), { v: 1, state: 'offline', connectionId: 'x', reason: 'bored' });
    await device.say(topics.request('pump-1', 'time'), { v: 1, requestId: 't-2', deadlineMs: 5_000, body: {} });
    expect(await device.reply('t-2')).toMatchObject({ outcome: 'refused', error: { code: 'SCHEMA_INVALID' } });
    const letters = (await server.get('/api/dead-letters?deviceId=pump-1')) as Page<{ reason: string }>;
    expect(letters.items.map((letter) => letter.reason)).toEqual(Array(3).fill('SCHEMA_INVALID'));
    expect(await show('pump-1')).toMatchObject({ state: 'online' });
  });

  it('moves last-seen with every record and calls a wildly wrong clock degraded', async () => {
    const device = await online('pump-1');
    const before = (await show('pump-1')).lastSeenAt ?? 0;
    await until(() => Date.now() > before);
    await device.records('readings', [{ sequence: 1, observedAt: 1, source: 'pump', values: { a: 1 } }]);
    const after = await show('pump-1');
    expect(after.lastSeenAt).toBeGreaterThan(before);
    expect(after).toMatchObject({ state: 'degraded', why: 'Its records carry times far from the time they arrive.' });
    await device.records('readings', [{ sequence: 2, observedAt: Date.now(), source: 'pump', values: { a: 1 } }]);
    expect(await show('pump-1')).toMatchObject({ state: 'online' });
  });
});
