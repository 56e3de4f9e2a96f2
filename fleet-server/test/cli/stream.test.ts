/** `shoal stream` against the whole server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';
import { shoal as run, type Outcome } from './run-shoal.ts';

const MINUTE_MS = 60_000;
const stream = {
  name: 'pump-minute',
  source: { kind: 'readings' },
  key: { by: 'device' },
  window: { kind: 'tumbling', sizeMs: MINUTE_MS },
  aggregates: [
    { name: 'mean', aggregate: 'mean', value: 'a' },
    { name: 'shares', aggregate: 'quantiles', value: 'a', shares: [0.5, 0.99] },
  ],
  allowedLatenessMs: 0,
  idleTimeoutMs: 1_000,
};
let server: TestServer;
let device: TestDevice;
beforeAll(async () => {
  server = await startTestServer({ SHOAL_STREAMS_IDLE_MS: '20' });
  device = await TestDevice.online(server.mqttPort, 'pump-1');
  const observedAt = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 5 * MINUTE_MS;
  await device.records('readings', [
    { sequence: 1, observedAt, source: 'pump', values: { a: 2 } },
    { sequence: 2, observedAt: observedAt + 1, source: 'pump', values: { a: 4 } },
  ]);
});
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
});

const shoal = (words: readonly string[], definition?: object): Promise<Outcome> =>
  run(['stream', ...words], {
    environment: { SHOAL_SERVER: server.httpUrl },
    ...(definition !== undefined && { input: JSON.stringify(definition) }),
  });

test('a definition is tried on history, defined, shown, and removed', async () => {
  expect((await shoal(['ls'])).stderr).toContain('No stream is defined.');
  const tried = await shoal(['try', '-'], stream);
  expect(tried.stdout).toMatch(/pump-1 .* final +1 +2 +3 +p50=/);
  expect(tried.stderr).toContain('1 windows of 1 keys from 2 records.');
  expect((await shoal(['define', '-'], stream)).stderr).toContain('revision 1');
  expect((await shoal(['ls'])).stdout).toMatch(/pump-minute +readings +device +tumbling 60 s +mean shares +1/);
  await until(async () => (await shoal(['windows', 'pump-minute'])).stdout.includes('pump-1'));
  const none = await shoal(['windows', 'pump-minute', '--key', 'pump-2']);
  expect([none.exitCode, none.stderr]).toEqual([0, expect.stringContaining('No window matches.')]);
  const shown = await shoal(['show', 'pump-minute']);
  expect(shown.stdout).toMatch(/windowed +2/);
  expect((await shoal(['define', '-'], { ...stream, publish: 'mqtt' })).stderr).toContain('revision 2');
  expect((await shoal(['rm', 'pump-minute'])).exitCode).toBe(2);
  expect((await shoal(['rm', 'pump-minute', '--yes'])).exitCode).toBe(0);
  expect((await shoal(['show', 'pump-minute'])).exitCode).toBe(3);
});

test('what is wrong with a definition is told by its path', async () => {
  const wrong = await shoal(['define', '-'], { ...stream, where: 'a > (1' });
  expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining('where: ")" is missing at character 7')]);
});
