/** `shoal alert` against the whole server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';
import { shoal as run, type Outcome } from './run-shoal.ts';

const rule = {
  name: 'hot',
  severity: 'alarm',
  on: { kind: 'readings' },
  when: { value: 'a', above: 80, clearAt: 70 },
};
let server: TestServer;
let device: TestDevice;
beforeAll(async () => {
  server = await startTestServer({ SHOAL_ALERTS_IDLE_MS: '20' });
  device = await TestDevice.online(server.mqttPort, 'pump-1');
});
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
});

const shoal = (words: readonly string[], definition?: object): Promise<Outcome> =>
  run(['alert', ...words], {
    environment: { SHOAL_SERVER: server.httpUrl },
    ...(definition !== undefined && { input: JSON.stringify(definition) }),
  });

test('a rule is tried on history, defined, fires, is silenced, acknowledged, and removed', async () => {
  expect((await shoal(['rules'])).stderr).toContain('No rule is defined.');
  expect((await shoal(['ls'])).stderr).toContain('No alert matches.');
  expect((await shoal(['define', '-'], rule)).stderr).toContain('revision 1');
  expect((await shoal(['rules'])).stdout).toMatch(/hot +alarm +readings +a above 80/);
  await device.records('readings', [{ sequence: 1, observedAt: Date.now(), source: 'pump', values: { a: 91 } }]);
  await until(async () => (await shoal(['ls', '--state', 'firing'])).stdout.includes('pump-1'));
  const listed = await shoal(['ls', '--rule', 'hot']);
  const id = /a-[0-9a-f]{4}-\d+/.exec(listed.stdout)?.[0] ?? '';
  expect(listed.stdout).toMatch(new RegExp(`${id} +firing +alarm +hot +pump-1 +91`));
  expect((await shoal(['ack', id, 'mine'])).stderr).toContain('is acknowledged');
  expect((await shoal(['note', id, 'a bearing'])).exitCode).toBe(0);
  expect((await shoal(['show', id])).stdout).toMatch(/acknowledged +- +operator:local +mine/);
  expect((await shoal(['rule', 'hot'])).stdout).toMatch(/firing +1/);
  const silenced = await shoal(['silence', '--key', 'pump-1', '--label', 'site=north', '--for', '2d', '--note', 'x']);
  const silence = /s-[0-9a-f]+/.exec(silenced.stderr)?.[0] ?? '';
  expect(silenced.stderr).toContain('key pump-1, site=north');
  expect((await shoal(['unsilence', silence])).exitCode).toBe(0);
  expect((await shoal(['silence'])).exitCode).toBe(2);
  expect((await shoal(['resolve', id])).stderr).toContain('is resolved');
  expect((await shoal(['resolve', id])).exitCode).toBe(4);
  const tried = await shoal(['preview', '-', '--since', '1d'], { ...rule, name: 'trial' });
  expect(tried.stderr).toMatch(/trial would (not have fired|have fired once) in the last 24 hours/);
  expect((await shoal(['rm', 'hot'])).exitCode).toBe(2);
  expect((await shoal(['rm', 'hot', '--yes'])).exitCode).toBe(0);
  expect((await shoal(['rule', 'hot'])).exitCode).toBe(3);
});

test('what is wrong with a rule is told by its path', async () => {
  const wrong = await shoal(['define', '-'], { ...rule, when: { condition: 'a > (1' } });
  expect([wrong.exitCode, wrong.stderr]).toEqual([
    2,
    expect.stringContaining('when.condition: ")" is missing at character 7'),
  ]);
});
