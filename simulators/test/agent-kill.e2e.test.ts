/** An agent killed with SIGKILL loses at most what its last commit window had not yet covered, repeats nothing and keeps the order. */
import { afterEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { agentHistory } from '../src/ledger/agent-history.ts';
import { compareReadings, compareRanges } from '../src/ledger/compare-samples.ts';
import { agentProcess, pumpSensor, startAgent } from './support/agent-process.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, temporaryFolder, testbed, truthOf } from './support/rig.ts';

const DEVICE = 'pump-killed';
const COMMIT_WINDOW_MS = 200;
/** A pump prints, a pipe carries, an agent reads and commits: on a busy machine each takes its time. */
const SLACK_MS = 1_000;
const KILLS = 3;

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

test('what is missing was given within the commit window before a kill', async () => {
  const folder = temporaryFolder(cleanup);
  const bed = await testbed(folder, cleanup);
  const truth = join(folder, 'truth.jsonl');
  const agent = agentProcess({
    folder,
    deviceId: DEVICE,
    fleetPort: bed.devicePort,
    over: { sensors: [pumpSensor(truth, 10)], outbox: { commitWindowMs: COMMIT_WINDOW_MS } },
  });
  cleanup.later(async () => agent.stop());
  const stored = async (): Promise<number> => (await agentHistory(bed.httpUrl, DEVICE)).readings.length;

  const killedAt: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    await startAgent(agent);
    const before = await stored();
    await eventually('a good number of readings since the start', async () => (await stored()) > before + 50);
    await pause(17 * kill);
    killedAt.push(Date.now());
    await agent.kill();
  }
  await startAgent(agent);
  const before = await stored();
  await eventually('it goes on after the last kill', async () => (await stored()) > before + 20);
  expect(await agent.stop()).toBe(0);

  const history = await agentHistory(bed.httpUrl, DEVICE);
  const newest = Math.max(...history.readings.map(({ observedAt }) => observedAt));
  const given = truthOf(truth).filter(({ observedAt }) => observedAt <= newest);
  const findings = compareReadings(given, history.readings);
  expect(findings).toMatchObject({ duplicated: 0, unexpected: 0, misordered: 0 });
  expect(compareRanges(history).rangesDisagree).toBe(0);
  const held = new Set(history.readings.map(({ observedAt }) => observedAt));
  const lost = given.filter(({ observedAt }) => !held.has(observedAt));
  const excused = lost.filter(({ givenAt }) =>
    killedAt.some((at) => givenAt >= at - COMMIT_WINDOW_MS - SLACK_MS && givenAt <= at + SLACK_MS),
  );
  expect(lost.length - excused.length).toBe(0);
  expect(lost.length).toBeLessThan(given.length / 2);
  expect(new Set(history.readings.map(({ epoch }) => epoch)).size).toBe(1);
}, 60_000);
