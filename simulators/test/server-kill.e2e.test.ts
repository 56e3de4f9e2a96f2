/** A server killed with SIGKILL under load loses nothing it acknowledged, stores nothing twice, and everything arrives in the end. */
import { afterEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { pumpModelViews } from '../src/full-agent-config.ts';
import { assault } from '../src/faults/process-killer.ts';
import { Ledger } from '../src/ledger.ts';
import { agentHistory, compareAgent } from '../src/ledger/agent-history.ts';
import { agrees } from '../src/ledger/findings.ts';
import { LightFleet } from '../src/light-fleet.ts';
import { seededRandom } from '../src/seeded-random.ts';
import { agentProcess, pumpSensor, startAgent } from './support/agent-process.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, scenarioOf, temporaryFolder, testbed, truthOf } from './support/rig.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

test('three kills in a row, light devices and a full agent: the ledger is exact', async () => {
  const folder = temporaryFolder(cleanup);
  const bed = await testbed(folder, cleanup);
  const ledger = new Ledger();
  const fleet = new LightFleet({
    host: '127.0.0.1',
    port: bed.devicePort,
    scenario: scenarioOf(8, 40),
    deviceId: (index) => `light-${index}`,
    trueNow: Date.now,
    runId: 'kill',
    onProduced: (production) => ledger.note(production),
  });
  cleanup.later(async () => fleet.stop());
  const truth = join(folder, 'truth.jsonl');
  const agent = agentProcess({
    folder,
    deviceId: 'full-0',
    fleetPort: bed.devicePort,
    over: { sensors: [pumpSensor(truth, 20)], models: [{ bundle: 'pump-anomaly' }] },
  });
  cleanup.later(async () => agent.stop());
  fleet.start(new AbortController().signal);
  await startAgent(agent);

  const enough = new AbortController();
  let restarts = 0;
  const victim = {
    pid: () => bed.serverPid,
    restart: async () => {
      await bed.killServer();
      await bed.startServer();
      restarts += 1;
      if (restarts === 3) enough.abort();
    },
  };
  const plan = { weapon: 'kill', everyMs: [300, 700], forMs: [50, 300] } as const;
  await assault(victim, plan, seededRandom('kills'), enough.signal);
  expect(restarts).toBe(3);

  fleet.fallSilent();
  await eventually('everything light is acknowledged', () => fleet.isDrained, 30_000);
  expect(fleet.pumps.some(({ device }) => device.counters.lostConnections > 0)).toBe(true);
  const findings = await ledger.compare(bed.httpUrl);
  expect(findings).toMatchObject({ produced: ledger.size, lost: 0, duplicated: 0, misordered: 0, examples: [] });
  expect(agrees(findings)).toBe(true);
  expect(ledger.size).toBeGreaterThan(200);

  await eventually('the agent is back', async () => {
    const { readings, predictions } = await agentHistory(bed.httpUrl, 'full-0');
    return predictions.length > 0 && readings.length > 0;
  });
  expect(await agent.stop()).toBe(0);
  const history = await agentHistory(bed.httpUrl, 'full-0');
  const given = truthOf(truth).slice(0, history.readings.length);
  expect(compareAgent(history, given, await pumpModelViews()).all).toMatchObject({
    lost: 0,
    duplicated: 0,
    unexpected: 0,
    misordered: 0,
    rangesDisagree: 0,
  });
}, 120_000);
