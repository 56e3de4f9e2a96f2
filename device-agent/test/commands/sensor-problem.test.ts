import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { generate, parser } from 'mqtt-packet';
import { sensorProblem } from '../../src/commands/sensor-problem.ts';
import { parseAgentConfig, type AgentConfig } from '../../src/config.ts';
import { mqttProblem } from '../../src/uplink/connection-problem.ts';
import { withFolder } from '../fixtures/conditions.ts';

const sensorOf = (sensor: object): AgentConfig['sensors'][number] => {
  const [parsed] = parseAgentConfig({
    deviceId: 'pump-7',
    dataDir: 'data',
    sensors: [{ name: 's', ...sensor }],
  }).sensors;
  if (parsed === undefined) throw new Error('no sensor');
  return parsed;
};

/** Accepts whoever connects; resolves with the client ids it was told. */
const withBroker = async (use: (port: number) => Promise<void>): Promise<string[]> => {
  const clientIds: string[] = [];
  const server = createServer((socket) => {
    const packets = parser();
    packets.on('packet', (packet) => {
      if (packet.cmd !== 'connect') return;
      clientIds.push(packet.clientId);
      socket.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
    });
    socket.on('data', (chunk) => packets.parse(chunk));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
  return clientIds;
};

describe('what doctor says of sensors and brokers', () => {
  it('finds a device under /sys by its name, and says which there are when it is not there', async () => {
    await withFolder(async (root) => {
      mkdirSync(join(root, 'hwmon0'));
      writeFileSync(join(root, 'hwmon0', 'name'), 'cpu_thermal\n');
      writeFileSync(join(root, 'hwmon0', 'temp1_input'), '41000\n');
      expect(await sensorProblem(sensorOf({ type: 'hwmon', device: 'cpu_thermal', root }))).toBeNull();
      expect(await sensorProblem(sensorOf({ type: 'hwmon', device: 'nct6775', root }))).toContain('cpu_thermal');
      expect(await sensorProblem(sensorOf({ type: 'iio', device: 'bme280', root }))).toContain('bme280');
    });
  });

  it('looks for the file of a recording, the device of a serial line and the proc of a system', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'recording.csv');
      writeFileSync(file, 'datetime,Pressure\n');
      expect(await sensorProblem(sensorOf({ type: 'replay', file }))).toBeNull();
      expect(await sensorProblem(sensorOf({ type: 'replay', file: `${file}.gone` }))).toContain('ENOENT');
      expect(await sensorProblem(sensorOf({ type: 'serial', path: join(folder, 'ttyUSB0') }))).toContain('ENOENT');
      expect(await sensorProblem(sensorOf({ type: 'system', root: folder }))).toContain('no proc');
      expect(await sensorProblem(sensorOf({ type: 'system' }))).toBeNull();
    });
  });

  it('connects as a third party, so that no agent loses its connection', async () => {
    const problems: (string | null)[] = [];
    const clientIds = await withBroker(async (port) => {
      problems.push(await mqttProblem({ host: '127.0.0.1', port, connectTimeoutMs: 5_000 }));
      problems.push(await sensorProblem(sensorOf({ type: 'mqtt-topic', topic: 'pump/#', broker: { port } })));
    });
    expect(problems).toEqual([null, null]);
    expect(clientIds).toEqual([expect.stringMatching(/^sub-/), expect.stringMatching(/^sub-/)]);
  });

  it('says why a broker does not answer', async () => {
    let free = 0;
    await withBroker((port) => Promise.resolve(void (free = port)));
    const sensor = sensorOf({ type: 'mqtt-topic', topic: 'pump/#', broker: { port: free } });
    expect(await sensorProblem(sensor)).toContain('ECONNREFUSED');
  });
});
