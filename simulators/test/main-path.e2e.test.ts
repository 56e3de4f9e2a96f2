/** The main path: a pump's samples become readings and predictions on the server, and the fleet can talk back. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { AgentStatus } from '@shoal/device-agent';
import type { DeviceCommand, StoredPrediction, Twin } from '@shoal/protocol';
import { pumpModelViews } from '../src/full-agent-config.ts';
import { agentHistory, compareAgent } from '../src/ledger/agent-history.ts';
import { agrees } from '../src/ledger/findings.ts';
import { storedRecords } from '../src/ledger/server-history.ts';
import type { ReadyProcess } from '../src/ready-process.ts';
import type { Testbed } from '../src/testbed.ts';
import { agentProcess, pumpSensor, startAgent, type AgentReady } from './support/agent-process.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, deviceState, getJson, sendJson, temporaryFolder, testbed, truthOf } from './support/rig.ts';

const DEVICE = 'pump-main';
const cleanup = new Cleanup();
let bed: Testbed;
let agent: ReadyProcess<AgentReady>;
let localUrl: string;
let truth: string;
let device: string;

beforeAll(async () => {
  const folder = temporaryFolder(cleanup);
  truth = join(folder, 'truth.jsonl');
  bed = await testbed(folder, cleanup);
  device = `${bed.httpUrl}/api/devices/${DEVICE}`;
  await sendJson('PUT', `${bed.httpUrl}/api/context/fleet`, { values: { site: 'north', shift: 'early' } });
  agent = agentProcess({
    folder,
    deviceId: DEVICE,
    fleetPort: bed.devicePort,
    over: { sensors: [pumpSensor(truth, 20)], models: [{ bundle: 'pump-anomaly', calibrationSamples: 100 }] },
  });
  cleanup.later(async () => agent.stop());
  localUrl = (await startAgent(agent)).localUrl ?? '';
  await deviceState(bed, DEVICE, ['online', 'degraded']);
}, 40_000);

afterAll(async () => cleanup.run(), 40_000);

const predictions = async (): Promise<StoredPrediction[]> => storedRecords(bed.httpUrl, DEVICE, 'predictions');

test('a healthy pump is predicted normal, on the device, under the threshold the device found', async () => {
  const stored = await eventually('five predictions of a calibrated device', async () => {
    const all = await predictions();
    return all.filter(({ threshold }) => threshold !== undefined).length >= 5 ? all : undefined;
  });
  const found = stored.filter(({ threshold }) => threshold !== undefined);
  const early = stored.filter(({ threshold }) => threshold === undefined);
  expect(early.length).toBeGreaterThan(0);
  for (const { degradedReason, label } of early) {
    expect(label).toBe('normal');
    expect(degradedReason).toMatch(/^Calibrating: \d+ windows so far\.$/);
  }
  expect(await deviceState(bed, DEVICE, ['online'])).toBe('online');
  for (const { outputs, threshold, label, source, engine } of found) {
    expect(outputs['score']).toBeLessThan(threshold ?? 0);
    expect({ label, source }).toEqual({ label: 'normal', source: 'edge' });
    expect(['native-child', 'wasm-child']).toContain(engine);
  }
});

test('a threshold desired by the fleet changes verdicts without a restart, and is reported', async () => {
  const threshold = { models: { 'pump-anomaly': { thresholds: { anomaly: 0.000_001 } } } };
  await sendJson<Twin>('PATCH', `${device}/twin`, { desired: threshold });
  const twin = await eventually('the twin is in step', async () => {
    const seen = await getJson<Twin>(`${device}/twin`);
    return seen.appliedVersion === seen.version && Object.keys(seen.delta).length === 0 ? seen : undefined;
  });
  expect(twin.reported).toMatchObject(threshold);
  const strange = await eventually('a prediction by the new threshold', async () =>
    (await predictions()).find(({ threshold: used }) => used === 0.000_001),
  );
  expect(strange.label).toBe('anomaly');
  const events = await eventually('the alarm', async () => {
    const stored = await storedRecords(bed.httpUrl, DEVICE, 'events');
    return stored.some(({ kind }) => kind === 'prediction.alarm') ? stored : undefined;
  });
  expect(events.map(({ kind }) => kind)).toContain('agent.started');
  expect((await getJson<AgentStatus>(`${localUrl}/status`)).uptimeMs).toBeGreaterThan(0);
});

test.each([
  ['ping', 'succeeded'],
  ['diagnostics', 'succeeded'],
  ['calibrate', 'succeeded'],
  ['self-test', 'unsupported'],
])('the command %s comes back %s', async (name, state) => {
  const { commandId } = await sendJson<DeviceCommand>('POST', `${device}/commands`, { name });
  const done = await eventually(`${name} is finished`, async () => {
    const seen = await getJson<DeviceCommand>(`${device}/commands/${commandId}`);
    return seen.finishedAt === null ? undefined : seen;
  });
  expect(done).toMatchObject({ name, state, deviceId: DEVICE });
  expect(done.acknowledgedAt).not.toBeNull();
});

test('context of the fleet reaches the device', async () => {
  const context = await eventually('the context is cached', async () => {
    const seen = JSON.stringify(await getJson(`${localUrl}/context`));
    return seen.includes('north') ? seen : undefined;
  });
  expect(context).toContain('early');
});

test('a graceful stop sends the rest, says farewell, and every record is on the server once', async () => {
  expect(await agent.stop()).toBe(0);
  expect(await deviceState(bed, DEVICE, ['offline'])).toBe('offline');
  const { why } = await getJson<{ why: string }>(device);
  expect(why).toMatch(/good order/);
  const history = await agentHistory(bed.httpUrl, DEVICE);
  const received = history.readings.length;
  // What the pump printed and the agent had not read when it was told to stop never was a sample.
  const given = truthOf(truth).slice(0, received);
  const { all } = compareAgent(history, given, await pumpModelViews());
  expect(all).toMatchObject({ lost: 0, duplicated: 0, unexpected: 0, misordered: 0, rangesDisagree: 0 });
  expect(agrees(all)).toBe(true);
  expect(truthOf(truth).length - received).toBeLessThan(50);
  expect(history.events.map(({ kind }) => kind)).toContain('agent.stopping');
});
