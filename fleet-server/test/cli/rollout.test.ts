/** `shoal rollout` against a real server and its registry. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestServer, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';
import { shoal as run, type Outcome } from './run-shoal.ts';

let server: TestServer;
let device: TestDevice;
beforeAll(async () => {
  server = await startTestServer({ SHOAL_MODELS_CATALOGUE: 'release' });
  device = await TestDevice.online(server.mqttPort, 'pump-1');
});
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
});
const shoal = (words: readonly string[], input?: object): Promise<Outcome> =>
  run(['rollout', ...words], {
    environment: { SHOAL_SERVER: server.httpUrl },
    ...(input !== undefined && { input: JSON.stringify(input) }),
  });

test('a rollout is planned, drafted, started, shown as bars, stopped, and told why', async () => {
  expect((await shoal(['ls'])).stderr).toContain('No rollout matches.');
  const planned = await shoal(['plan', 'pump-anomaly@1.1.0', '--stages', '1,50%,100%']);
  expect(planned.stdout).toMatch(/1 +1 +0 +test 1/);
  const created = await shoal(['create', 'pump-anomaly@1.1.0', '--stages', '1,100%', '--soak', '10m', '--draft']);
  expect(created.stdout).toMatch(/^r-[0-9a-f]{16} {2}pump-anomaly 1\.1\.0 .* draft$/m);
  const [id = ''] = created.stdout.split(' ');
  expect((await shoal(['start', id])).stderr).toContain('running');
  expect((await shoal(['ls', '--model', 'pump-anomaly'])).stdout).toMatch(/running +1\/2 +pump-anomaly +1\.1\.0 +1/);
  const shown = await shoal(['show', id, '--timeline']);
  expect(shown.stdout).toMatch(/1 +1 +▒{24} +1 assigned +waits for 1 more to execute/);
  expect(shown.stdout).toMatch(/stage\.opened +1 +- +system:server/);
  expect((await shoal(['devices', id])).stdout).toMatch(/pump-1 +1 +assigned +- +1\.0\.0 +1\.0\.0/);
  expect((await shoal(['halt', id, 'odd noise'])).stderr).toContain('paused: By operator:local: odd noise');
  const watched = await shoal(['watch', id]);
  expect([watched.exitCode, watched.stderr]).toEqual([4, expect.stringContaining('ROLLOUT_STOPPED')]);
  expect((await shoal(['abort', id])).exitCode).toBe(0);
  expect((await shoal(['resume', id])).exitCode).toBe(4);
});

test('a rollout comes from a file, and what is wrong with one is told by its path', async () => {
  const definition = { name: 'file', model: 'pump-anomaly', version: '1.1.0', approval: 'required' };
  expect((await shoal(['create', '--file', '-'], definition)).stdout).toContain('pending-approval');
  const wrong = await shoal(['create', '--file', '-'], { ...definition, timeoutMs: 1 });
  expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining('timeoutMs: ')]);
  expect((await shoal(['create'])).exitCode).toBe(2);
  expect((await shoal(['create', 'pump-anomaly@9.9.9'])).exitCode).toBe(3);
});
