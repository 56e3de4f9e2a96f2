/** The overview of a real server: counts, rates, totals, reasons. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { topics, type Attention, type FleetSummary } from '@shoal/protocol';
import { call } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

describe('the overview', () => {
  let server: TestServer;
  const devices: TestDevice[] = [];
  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(async () => {
    for (const device of devices.splice(0)) device.client.end(true);
    await server.stopAndRemove();
  });

  const online = async (id: string): Promise<TestDevice> => {
    const device = await TestDevice.online(server.mqttPort, id);
    devices.push(device);
    return device;
  };
  const summary = async (): Promise<FleetSummary> => (await server.get('/api/overview')) as FleetSummary;

  it('counts devices by state, records, predictions by source, models and losses', async () => {
    await call('POST', `${server.httpUrl}/api/devices`, { deviceId: 'absent' });
    const device = await online('pump-1');
    await device.records('readings', [{ sequence: 1, observedAt: Date.now(), source: 'pump', values: { a: 1 } }]);
    const model = { name: 'pump-anomaly', version: '1.0.0' };
    const window = { startAt: 0, endAt: 1, count: 1 };
    const prediction = { observedAt: Date.now(), model, window, outputs: { score: 1 }, source: 'edge' as const };
    await device.records('predictions', [
      { ...prediction, sequence: 2 },
      { ...prediction, sequence: 3, source: 'abstained' },
    ]);
    await device.say(topics.presence('pump-1'), { not: 'a birth' });
    const outbox = { depth: 0, sizeBytes: 0, dropped: { debug: 3, reading: 4 } };
    const report = { v: 1, appliedVersion: 0, mode: 'whole', reported: { outbox } };
    await device.say(topics.reportedTwin('pump-1'), report);
    const shown = await summary();
    expect(shown).toMatchObject({
      devices: { total: 2, byState: { online: 1, 'never-seen': 1 } },
      connections: 1,
      totals: { records: 3, duplicates: 0, deadLetters: 1, droppedOnDevices: 7 },
      predictionSources: { edge: 1, abstained: 1 },
      models: [{ ...model, devices: 1 }],
      storage: { state: 'ok', why: null },
    });
    expect(shown.rates.records).toBeGreaterThan(0);
    expect(shown.rates.predictions).toBeGreaterThan(0);
    const { reasons } = (await server.get('/api/overview/attention')) as Attention;
    expect(reasons.map(({ code }) => code)).toEqual(['RECORDS_DROPPED', 'DEAD_LETTERS']);
  });

  it('puts a lost connection first and forgets it when the device is back', async () => {
    (await online('pump-1')).vanish();
    await until(async () => (await summary()).devices.byState.offline === 1);
    const { reasons } = (await server.get('/api/overview/attention')) as Attention;
    expect(reasons[0]).toMatchObject({ code: 'CONNECTION_LOST', severity: 'error', devices: 1, examples: ['pump-1'] });
    await online('pump-1');
    expect(await server.get('/api/overview/attention')).toEqual({ reasons: [] });
  });
});
