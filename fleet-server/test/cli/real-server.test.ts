/** The `shoal` command against the whole server and a device: the loop a person walks. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { topics, type Command } from '@shoal/protocol';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';
import { shoal as run, type Outcome, type RunOptions } from './run-shoal.ts';

let server: TestServer;
let device: TestDevice;
beforeAll(async () => {
  server = await startTestServer();
  device = await TestDevice.online(server.mqttPort, 'pump-01');
});
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
});

const shoal = (line: string, options: RunOptions = {}): Promise<Outcome> =>
  run(line.split(' '), { ...options, environment: { SHOAL_SERVER: server.httpUrl, SHOAL_MQTT: server.mqttUrl } });
const asked = async <T>(line: string): Promise<T> => {
  const { exitCode, stdout } = await shoal(`${line} --json`);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as T;
};

test('a device is found, labelled, configured and seen in the audit trail', async () => {
  expect(await asked('device ls --state online')).toMatchObject([{ deviceId: 'pump-01', state: 'online' }]);
  await asked('device label pump-01 site=north');
  expect(await asked('device ls --label site=north')).toHaveLength(1);
  expect(await asked('device ls --label site=south')).toEqual([]);
  await asked('device twin set pump-01 publish.maxDelayMs=500');
  expect(await asked('device twin get pump-01')).toMatchObject({ version: 1, delta: { publish: { maxDelayMs: 500 } } });
  expect((await shoal('device twin set pump-01 logLevel=info --if-version 0')).exitCode).toBe(4);
  expect((await shoal('device twin set pump-01 logLevel=loud')).exitCode).toBe(2);
  const audit = await asked<{ action: string }[]>('audit');
  expect(audit.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['device.labels.changed', 'twin.desired.changed']),
  );
});

test('a command goes to the device and its outcome comes back', async () => {
  const sending = asked('device command pump-01 ping');
  const received = (): unknown => device.heard.find(({ topic }) => topic.includes('/down/command/ping/'))?.body;
  await until(() => received() !== undefined);
  const { commandId } = received() as Command;
  const outcome = { v: 1, commandId, at: Date.now() };
  await device.say(topics.commandOutcome('pump-01', commandId), { ...outcome, state: 'acknowledged' });
  await device.say(topics.commandOutcome('pump-01', commandId), {
    ...outcome,
    state: 'succeeded',
    result: { uptimeMs: 1 },
  });
  expect(await sending).toMatchObject({ state: 'succeeded', result: { uptimeMs: 1 } });
});

test('what a device publishes is followed live, listed, and counted; what is garbage is a dead letter', async () => {
  let heard = '';
  const following = shoal('sub live/pump-01/events --count 1 --json', { onData: (stdout) => (heard = stdout) });
  const event = { observedAt: Date.now(), kind: 'agent.started', severity: 'info' as const, message: 'hello' };
  let sequence = 0;
  await until(async () => {
    await device.records('events', [{ ...event, sequence: (sequence += 1) }]);
    return heard !== '';
  });
  expect((await following).exitCode).toBe(0);
  expect(JSON.parse(heard)).toMatchObject({ content: { deviceId: 'pump-01', message: 'hello' } });
  expect(await asked('events --kind agent.started --limit 1')).toMatchObject([{ message: 'hello' }]);
  await device.client.publishAsync(topics.records('pump-01', 'readings'), 'garbage', { qos: 1 });
  expect(await asked('dead-letters --device pump-01')).toMatchObject([{ reason: 'PAYLOAD_NOT_JSON' }]);
  expect(await asked('overview')).toMatchObject({ summary: { devices: { total: 1 } } });
});

test('a device that is removed is gone', async () => {
  const spare = await TestDevice.online(server.mqttPort, 'pump-02');
  await spare.stop();
  expect((await shoal('device rm pump-02 --yes')).exitCode).toBe(0);
  expect((await shoal('device show pump-02')).exitCode).toBe(3);
});
