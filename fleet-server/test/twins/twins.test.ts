/** Twins end to end: desired state to the device, reported state back, versions that guard. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { topics, type DesiredTwin, type Page, type Problem, type Twin } from '@shoal/protocol';
import { call, type Answer } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

describe('twins', () => {
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

  const online = async (id: string, connectionId?: string): Promise<TestDevice> => {
    const device = await TestDevice.online(server.mqttPort, id, connectionId);
    devices.push(device);
    return device;
  };
  const patch = <T = Twin>(id: string, body: unknown, headers?: Record<string, string>): Promise<Answer<T>> =>
    call<T>('PATCH', `${server.httpUrl}/api/devices/${id}/twin`, body, headers);
  const show = async (id: string): Promise<Twin> => (await server.get(`/api/devices/${id}/twin`)) as Twin;

  it('goes round: desired out at once, reported in, delta gone', async () => {
    const device = await online('round');
    const desired = { models: { 'pump-anomaly': { thresholds: { score: 1.4 } } } };
    const patched = await patch('round', { desired });
    expect(patched.body).toMatchObject({ version: 1, desired, delta: desired, appliedVersion: 0 });
    expect(patched.headers.get('etag')).toBe('"1"');
    const heard = await device.hears<DesiredTwin>(topics.desiredTwin('round'));
    expect(heard).toEqual({ v: 1, version: 1, desired });
    const report = { v: 1, appliedVersion: 1, mode: 'whole', reported: { ...desired, agent: { version: '0.1.0' } } };
    await device.say(topics.reportedTwin('round'), report);
    expect(await show('round')).toMatchObject({ appliedVersion: 1, delta: {}, reported: report.reported });
    await device.say(topics.reportedTwin('round'), {
      v: 1,
      appliedVersion: 1,
      mode: 'patch',
      reported: { agent: null, uptime: 7 },
    });
    expect((await show('round')).reported).toEqual({ ...desired, uptime: 7 });
    expect(await server.get('/api/devices/round')).toMatchObject({ twinVersion: 1, appliedTwinVersion: 1 });
  });

  it('refuses a stale version, by body and by If-Match', async () => {
    await online('guarded');
    await patch('guarded', { desired: { logLevel: 'debug' }, version: 0 });
    for (const answer of [
      await patch<Problem>('guarded', { desired: { logLevel: 'info' }, version: 0 }),
      await patch<Problem>('guarded', { desired: { logLevel: 'info' } }, { 'if-match': '"0"' }),
    ]) {
      expect(answer.status).toBe(409);
      expect(answer.body.code).toBe('TWIN_VERSION_STALE');
    }
    expect(await show('guarded')).toMatchObject({ version: 1, desired: { logLevel: 'debug' } });
    const agreed = await patch('guarded', { desired: { logLevel: 'info' } }, { 'if-match': '"1"' });
    expect(agreed.body.version).toBe(2);
  });

  it('lets exactly one of many racing patches of the same version win', async () => {
    await online('raced');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        patch('raced', { desired: { contextRefreshMs: 1_000 + index }, version: 0 }),
      ),
    );
    const count = (status: number): number => answers.filter((answer) => answer.status === status).length;
    expect([count(200), count(409)]).toEqual([1, 7]);
    expect((await show('raced')).version).toBe(1);
  });

  it('refuses what no agent could apply, with paths, and what is too large or too deep', async () => {
    await online('checked');
    const invalid = await patch<Problem>('checked', { desired: { publish: { everyNthReading: 0 }, logLevel: 'loud' } });
    expect(invalid.status).toBe(400);
    expect(invalid.body.errors?.map((fault) => fault.path).toSorted()).toEqual([
      'desired.logLevel',
      'desired.publish.everyNthReading',
    ]);
    const large = await patch<Problem>('checked', { desired: { note: 'x'.repeat(70_000) } });
    expect(large.status).toBe(413);
    expect(large.body.code).toBe('TWIN_TOO_LARGE');
    const deep = `{"desired":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`;
    expect((await patch<Problem>('checked', deep)).status).toBe(400);
    expect((await show('checked')).version).toBe(0);
  });

  it('keeps the version when a patch changes nothing, and deletes with null', async () => {
    await online('same');
    await patch('same', { desired: { logLevel: 'debug', contextRefreshMs: 5_000 } });
    expect((await patch('same', { desired: { logLevel: 'debug' } })).body.version).toBe(1);
    const removed = await patch('same', { desired: { logLevel: null } });
    expect(removed.body).toMatchObject({ version: 2, desired: { contextRefreshMs: 5_000 } });
    const audit = (await server.get('/api/audit?subject=device:same&action=twin.desired.changed')) as Page<unknown>;
    expect(audit.items).toHaveLength(2);
  });

  it('sends what was desired meanwhile when the device subscribes, and answers twin.get', async () => {
    (await online('away')).client.end(true);
    await patch('away', { desired: { logLevel: 'warn' } });
    const back = await online('away', 'c-2');
    const want = { v: 1, version: 1, desired: { logLevel: 'warn' } };
    expect(await back.hears(topics.desiredTwin('away'))).toEqual(want);
    await back.say(topics.request('away', 'twin.get'), { v: 1, requestId: 'g-1', deadlineMs: 5_000, body: {} });
    expect(await back.reply('g-1')).toMatchObject({ outcome: 'ok', body: want });
  });

  it('shows reported health, outbox and clock in the registry', async () => {
    const device = await online('ill');
    const reasons = [{ code: 'SENSOR_SILENT', sentence: 'The sensor "pump" is silent.', since: 1_000 }];
    await device.say(topics.reportedTwin('ill'), {
      v: 1,
      appliedVersion: 0,
      mode: 'whole',
      reported: {
        health: { state: 'degraded', reasons },
        outbox: { depth: 12, sizeBytes: 3_000, dropped: { debug: 4 } },
        clock: { state: 'synchronised', offsetMs: -7.5 },
      },
    });
    const view = { why: 'The sensor "pump" is silent.', outboxDepth: 12, clockOffsetMs: -7.5 };
    expect(await server.get('/api/devices/ill')).toMatchObject({ state: 'degraded', since: 1_000, ...view });
    const healthy = { health: { state: 'ok', reasons: [] } };
    await device.say(topics.reportedTwin('ill'), { v: 1, appliedVersion: 0, mode: 'patch', reported: healthy });
    expect(await server.get('/api/devices/ill')).toMatchObject({ state: 'online', outboxDepth: 12 });
  });

  it('sets aside reports that are malformed, too large, or from a device that was never born', async () => {
    const device = await online('loud');
    const large = { v: 1, appliedVersion: 0, mode: 'whole', reported: { note: 'x'.repeat(70_000) } };
    await device.say(topics.reportedTwin('loud'), large);
    await device.say(topics.reportedTwin('loud'), { v: 1, reported: {} });
    const unborn = await TestDevice.connect(server.mqttPort, 'unborn');
    devices.push(unborn);
    await unborn.say(topics.reportedTwin('unborn'), { v: 1, appliedVersion: 0, mode: 'whole', reported: {} });
    const letters = (await server.get('/api/dead-letters')) as Page<{ reason: string; deviceId: string }>;
    expect(letters.items.map(({ reason, deviceId }) => `${deviceId} ${reason}`).toSorted()).toEqual([
      'loud SCHEMA_INVALID',
      'loud TWIN_TOO_LARGE',
      'unborn DEVICE_UNREGISTERED',
    ]);
    await until(async () => (await server.metric('shoal_dead_letters_total{reason="TWIN_TOO_LARGE"}')) === 1);
  });
});
