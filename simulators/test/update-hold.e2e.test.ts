/** "Not now" end to end: a device holds updates, its rollout shows it, a kill changes nothing, and it converges once released. */
import { afterEach, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Rollout, Twin, UpdateHold } from '@shoal/protocol';
import { agentProcess, pumpSensor, startAgent } from './support/agent-process.ts';
import { environment } from './support/config.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, deviceState, getJson, temporaryFolder, testbed } from './support/rig.ts';
import { AFTER, BEFORE, MODEL, RELEASING, rolloutDevice, rollOut } from './support/rollouts.ts';

const DEVICE = 'pump-held';
const MAIN = fileURLToPath(new URL('../../device-agent/dist/main.js', import.meta.url));
const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const run = promisify(execFile);
const updates = async (localUrl: string, ...args: string[]): Promise<string> =>
  (await run(process.execPath, [MAIN, 'updates', ...args, '--url', localUrl])).stdout;

test('a device that holds updates is shown as held, is so after kill -9, and takes the release once released', async () => {
  const folder = temporaryFolder(cleanup);
  const bed = await testbed(folder, cleanup, { environment: { ...environment, ...RELEASING } });
  const agent = agentProcess({
    folder,
    deviceId: DEVICE,
    fleetPort: bed.devicePort,
    over: {
      sensors: [pumpSensor(join(folder, 'truth.jsonl'), 20)],
      models: [{ bundle: MODEL, version: BEFORE, calibrationSamples: 100 }],
      updates: { url: bed.httpUrl },
    },
  });
  cleanup.later(async () => agent.stop());
  const first = (await startAgent(agent)).localUrl ?? '';
  await deviceState(bed, DEVICE, ['online', 'degraded']);

  const said = await updates(first, 'hold', '--for', '2h', '--reason', 'a measurement runs');
  expect(said).toMatch(/^updates are held until .*Z: a measurement runs\n$/);
  await expect(updates(first, 'hold', '--for', '90d')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('UPDATE_HOLD_INVALID'),
  });

  const rolloutId = await rollOut(bed);
  const isHeld = { what: 'the device is shown as held', holds: ({ state }: { state: string }) => state === 'held' };
  const { hold } = JSON.parse(await updates(first, '--json')) as { hold: UpdateHold };
  const cause = { code: 'UPDATE_HELD', until: hold.until, message: expect.stringContaining('a measurement runs') };
  expect(await rolloutDevice(bed, rolloutId, isHeld)).toMatchObject({
    runs: BEFORE,
    updateState: 'wait-window',
    cause,
  });
  const stage = (await getJson<Rollout>(`${bed.httpUrl}/api/rollouts/${rolloutId}`)).stages[0];
  expect(stage).toMatchObject({ counts: { held: 1 }, waitsFor: '1 more to execute; 1 are held on the device' });

  await agent.kill();
  const second = (await startAgent(agent)).localUrl ?? '';
  expect(JSON.parse(await updates(second, '--json'))).toMatchObject({ hold, models: { [MODEL]: { cause } } });
  const twin = await eventually('the hold is reported after the kill', async () => {
    const seen = await getJson<Twin>(`${bed.httpUrl}/api/devices/${DEVICE}/twin`);
    return 'updateHold' in seen.reported ? seen : undefined;
  });
  expect(twin.reported).toMatchObject({ updateHold: hold });
  expect(await rolloutDevice(bed, rolloutId, isHeld)).toMatchObject({ runs: BEFORE });

  expect(await updates(second, 'release')).toBe('updates go on\n');
  const isThrough = {
    what: 'the device runs the release',
    holds: ({ state }: { state: string }) => state === 'succeeded',
  };
  expect(await rolloutDevice(bed, rolloutId, isThrough)).toMatchObject({ runs: AFTER, cause: null });
  expect(await updates(second)).toBe(`updates go on\nmodel    ${MODEL} ${AFTER}: committed\n`);
}, 180_000);
