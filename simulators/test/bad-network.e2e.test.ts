/** Whatever the network does between devices and server, nothing is lost, doubled or out of order once it is good again. */
import { afterEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { NetworkConditions } from '../src/faults/network-conditions.ts';
import { pumpModelViews } from '../src/full-agent-config.ts';
import { Ledger } from '../src/ledger.ts';
import { agentHistory, compareAgent } from '../src/ledger/agent-history.ts';
import type { Production } from '../src/light-device.ts';
import { LightFleet } from '../src/light-fleet.ts';
import type { Testbed } from '../src/testbed.ts';
import { agentProcess, pumpSensor, startAgent } from './support/agent-process.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, scenarioOf, temporaryFolder, testbed, truthOf } from './support/rig.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const fleetOn = (bed: Testbed, onProduced: (production: Production) => void): LightFleet => {
  const fleet = new LightFleet({
    host: '127.0.0.1',
    port: bed.devicePort,
    scenario: scenarioOf(6, 40),
    deviceId: (index) => `light-${index}`,
    trueNow: Date.now,
    runId: 'network',
    onProduced,
  });
  cleanup.later(async () => fleet.stop());
  fleet.start(new AbortController().signal);
  return fleet;
};

test.each<[string, Partial<NetworkConditions>]>([
  ['is slow and uneven', { latencyMs: 30, jitterMs: 60 }],
  ['stands still for a while', { stalled: true }],
  ['swallows bytes and then forgets the connections', { blackhole: true }],
  ['delivers seven bytes at a time', { dribbleBytes: 7, dribblePauseMs: 1 }],
  ['resets connections in the middle of packets', { resetAfterBytes: 1_511 }],
  ['refuses connections', { refusing: true }],
])(
  'light devices whose network %s',
  async (_, conditions) => {
    const bed = await testbed(temporaryFolder(cleanup), cleanup, { badNetwork: true });
    const ledger = new Ledger();
    const fleet = fleetOn(bed, (production) => ledger.note(production));
    await eventually('all are connected', () => fleet.pumps.every(({ device }) => device.state === 'ready'));
    bed.network(conditions);
    if (conditions.refusing === true) bed.resetConnections();
    const before = ledger.size;
    await eventually('a good number of records in bad weather', () => ledger.size > before + 150);
    if (conditions.blackhole === true) bed.resetConnections();
    bed.network(undefined);
    fleet.fallSilent();
    await eventually('everything is acknowledged', () => fleet.isDrained, 30_000);
    expect(await ledger.compare(bed.httpUrl)).toMatchObject({
      produced: ledger.size,
      stored: ledger.size,
      lost: 0,
      duplicated: 0,
      altered: 0,
      unexpected: 0,
      misordered: 0,
      rangesDisagree: 0,
    });
  },
  60_000,
);

test('a device that was cut off sends its backlog in order beside live records', async () => {
  const bed = await testbed(temporaryFolder(cleanup), cleanup, { badNetwork: true });
  const ledger = new Ledger();
  const lanes = new Set<string>();
  const fleet = fleetOn(bed, (production) => {
    ledger.note(production);
    lanes.add(production.lane);
  });
  await eventually('all are connected', () => fleet.pumps.every(({ device }) => device.state === 'ready'));
  bed.network({ refusing: true });
  bed.resetConnections();
  await eventually('all wait', () => fleet.pumps.every(({ device }) => device.outbox.depth > 20));
  bed.network(undefined);
  await eventually('all are back', () => fleet.pumps.every(({ device }) => device.state === 'ready'));
  fleet.fallSilent();
  await eventually('everything is acknowledged', () => fleet.isDrained);
  expect([...lanes].sort()).toEqual(['backlog', 'live']);
  expect(await ledger.compare(bed.httpUrl)).toMatchObject({
    stored: ledger.size,
    lost: 0,
    duplicated: 0,
    misordered: 0,
  });
}, 60_000);

test('a full agent that was cut off: its readings and predictions are complete and in order', async () => {
  const folder = temporaryFolder(cleanup);
  const bed = await testbed(folder, cleanup, { badNetwork: true });
  const truth = join(folder, 'truth.jsonl');
  const agent = agentProcess({
    folder,
    deviceId: 'full-0',
    fleetPort: bed.devicePort,
    over: { sensors: [pumpSensor(truth, 15)], models: [{ bundle: 'pump-anomaly' }] },
  });
  cleanup.later(async () => agent.stop());
  await startAgent(agent);
  const readings = async (): Promise<number> => (await agentHistory(bed.httpUrl, 'full-0')).readings.length;
  await eventually('it reports', async () => (await readings()) > 20);
  bed.network({ refusing: true });
  bed.resetConnections();
  const before = truthOf(truth).length;
  await eventually('it collects', () => truthOf(truth).length > before + 100);
  expect(await readings()).toBeLessThan(before + 100);
  bed.network({ latencyMs: 5, jitterMs: 10 });
  await eventually('it catches up', async () => (await readings()) > before + 100);
  expect(await agent.stop()).toBe(0);
  const history = await agentHistory(bed.httpUrl, 'full-0');
  const given = truthOf(truth).slice(0, history.readings.length);
  const { predictions, all } = compareAgent(history, given, await pumpModelViews());
  expect(all).toMatchObject({ lost: 0, duplicated: 0, unexpected: 0, misordered: 0, rangesDisagree: 0 });
  expect(predictions.stored).toBeGreaterThan(0);
}, 60_000);
