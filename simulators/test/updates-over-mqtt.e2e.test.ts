/** A device that reaches nothing but the port of MQTT takes a release of a rollout over it, and its live records go on. */
import { afterEach, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentStatus } from '@shoal/device-agent';
import type { RolloutDevice } from '@shoal/protocol';
import { agentProcess, pumpSensor, startAgent } from './support/agent-process.ts';
import { environment } from './support/config.ts';
import { Cleanup, deviceState, getJson, temporaryFolder, testbed } from './support/rig.ts';
import { AFTER, BEFORE, MODEL, RELEASING, rolloutDevice, rollOut } from './support/rollouts.ts';

const DEVICE = 'pump-one-port';
/** Nothing listens there: every request over HTTP would fail. */
const NOWHERE = 'http://127.0.0.1:9';
const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

test('metadata, root and bundle come over MQTT alone', async () => {
  const folder = temporaryFolder(cleanup);
  const bed = await testbed(folder, cleanup, { environment: { ...environment, ...RELEASING } });
  const agent = agentProcess({
    folder,
    deviceId: DEVICE,
    fleetPort: bed.devicePort,
    over: {
      sensors: [pumpSensor(join(folder, 'truth.jsonl'), 20)],
      models: [{ bundle: MODEL, version: BEFORE, calibrationSamples: 100 }],
      updates: { transport: 'mqtt', url: NOWHERE, mqttBytesPerS: 1_048_576 },
    },
  });
  cleanup.later(async () => agent.stop());
  const localUrl = (await startAgent(agent)).localUrl ?? '';
  await deviceState(bed, DEVICE, ['online', 'degraded']);
  const rolloutId = await rollOut(bed);
  const holds = ({ state }: RolloutDevice): boolean => state === 'succeeded';
  expect(await rolloutDevice(bed, rolloutId, { what: 'the device runs the release', holds })).toMatchObject({
    runs: AFTER,
    ranBefore: BEFORE,
    cause: null,
  });
  const metrics = await (await fetch(`${bed.httpUrl}/metrics`)).text();
  expect(metrics).toMatch(/blob_messages_total\{outcome="ok"\} [1-9]/);
  const { uplink, models } = await getJson<AgentStatus>(`${localUrl}/status`);
  expect([uplink.connects, models[0]?.model.version, models[0]?.inference.dropped]).toEqual([1, AFTER, 0]);
  expect(readFileSync(join(folder, DEVICE, 'updates', 'metadata', 'first-root.json'), 'utf8')).toContain('"root"');
}, 180_000);
