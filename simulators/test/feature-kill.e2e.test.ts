/** A server killed while it imports and while readings enter windows: afterwards its features are those of an uninterrupted run. */
import { afterEach, expect, test } from '@jest/globals';
import { LightFleet } from '../src/light-fleet.ts';
import type { EntityFeatures, FeatureImport, Page, StoredReading } from '@shoal/protocol';
import { eventually } from './support/eventually.ts';
import { Cleanup, getJson, scenarioOf, sendJson, temporaryFolder, testbed } from './support/rig.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const DEVICES = 4;
const ROWS = 10_000;
const DAY_MS = 86_400_000;

test('imports and windows survive kill -9 exactly', async () => {
  const bed = await testbed(temporaryFolder(cleanup), cleanup);
  const api = (path: string): string => `${bed.httpUrl}/api/${path}`;
  await sendJson('POST', api('feature-views'), {
    name: 'customer',
    entity: 'customer',
    maxAgeMs: DAY_MS,
    features: [{ name: 'orders', source: { kind: 'pushed' } }],
  });
  const over = { windowMs: DAY_MS, panes: 24 };
  await sendJson('POST', api('feature-views'), {
    name: 'day',
    entity: 'device',
    maxAgeMs: DAY_MS,
    features: ['count', 'sum', 'max'].map((aggregate) => ({
      name: aggregate,
      source: { kind: 'readings', channel: 'Pressure', aggregate, ...over },
    })),
  });
  const fleet = new LightFleet({
    host: '127.0.0.1',
    port: bed.devicePort,
    scenario: scenarioOf(DEVICES, 20),
    deviceId: (index) => `light-${index}`,
    trueNow: Date.now,
    runId: 'features',
    onProduced: () => undefined,
  });
  cleanup.later(async () => fleet.stop());
  fleet.start(new AbortController().signal);

  const csv = `entity,eventAt,orders\n${Array.from({ length: ROWS }, (_, index) => `c-${index},${Date.now() - 60_000},${index}`).join('\n')}\n`;
  const send = async (key: string): Promise<FeatureImport> => {
    const headers = { 'content-type': 'text/csv', 'idempotency-key': key };
    const response = await fetch(api('features/customer/import'), { method: 'POST', headers, body: csv });
    return (await response.json()) as FeatureImport;
  };
  for (let kill = 0; kill < 3; kill += 1) {
    const sending = send(`killed-${kill}`).catch(() => undefined);
    await eventually('rows arrive', async () => {
      const { items } = await getJson<Page<FeatureImport>>(api('feature-imports'));
      return items.some(({ importId, rows }) => importId === `killed-${kill}` && rows > 0);
    });
    await bed.killServer();
    await sending;
    await bed.startServer();
  }
  const killed = (await getJson<Page<FeatureImport>>(api('feature-imports'))).items;
  expect(killed.map(({ state }) => state)).not.toContain('running');
  const last = await send('last');
  expect(last).toMatchObject({ state: 'completed', rows: ROWS, rejected: 0 });
  // What the killed ones count is stored, and nothing else is.
  const before = Math.max(0, ...killed.map(({ stored, unchanged }) => stored + unchanged));
  expect(last.stored).toBe(ROWS - before);
  for (const index of [0, ROWS / 2, ROWS - 1]) {
    expect((await getJson<EntityFeatures>(api(`features/customer/c-${index}`))).vector).toEqual([index]);
  }

  fleet.fallSilent();
  await eventually('everything is acknowledged', () => fleet.isDrained, 30_000);
  for (let device = 0; device < DEVICES; device += 1) {
    const text = await (await fetch(api(`devices/light-${device}/readings?format=ndjson`))).text();
    const pressures = text
      .trimEnd()
      .split('\n')
      .flatMap((line) => (JSON.parse(line) as StoredReading).values['Pressure'] ?? []);
    const shown = await eventually('the windows have all of it', async () => {
      const { vector } = await getJson<EntityFeatures>(api(`features/day/light-${device}`));
      return vector?.[0] === pressures.length ? vector : undefined;
    });
    expect(pressures.length).toBeGreaterThan(20);
    expect(shown[1]).toBeCloseTo(
      pressures.reduce((sum, value) => sum + value, 0),
      6,
    );
    expect(shown[2]).toBe(Math.max(...pressures));
  }
}, 120_000);
