/** The lines of the MQTT page, pasted into a shell against the whole server. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

const isInstalled = spawnSync('bash', ['-c', 'command -v mosquitto_sub']).status === 0;
const suite = isInstalled ? describe : describe.skip;

suite('mosquitto_sub as the page has it (install: apt-get install mosquitto-clients)', () => {
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

  test('prints what a device publishes', async () => {
    const page = await (await fetch(`${server.httpUrl}/docs/mqtt`)).text();
    const lines = [...page.matchAll(/<pre>(mosquitto_sub[^<]*)<\/pre>/g)].map(([, line = '']) =>
      line.replaceAll('&#39;', "'").replaceAll('&quot;', '"'),
    );
    const line = lines.find((candidate) => candidate.includes('live/+/events'));
    expect(lines.length).toBeGreaterThanOrEqual(4);
    const shell = spawn('bash', ['-c', `MQTT_PORT=${server.mqttPort} USER=somebody; ${line} -C 1`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const printed = text(shell.stdout);
    const exited = once(shell, 'exit');
    let sequence = 0;
    await until(async () => {
      const event = { observedAt: Date.now(), kind: 'agent.started', severity: 'info' as const, message: 'hello' };
      await device.records('events', [{ ...event, sequence: (sequence += 1) }]);
      return shell.exitCode !== null;
    });
    expect(await exited).toEqual([0, null]);
    expect(await printed).toMatch(/^shoal\/v1\/live\/pump-01\/events \{.*"message":"hello".*\}\n$/);
  });
});
