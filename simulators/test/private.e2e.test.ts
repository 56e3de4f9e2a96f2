/** Edge means private: agent, engines and server open no socket to anything but the configured peers, by their system calls. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentHistory } from '../src/ledger/agent-history.ts';
import type { Testbed } from '../src/testbed.ts';
import { agentProcess, pumpSensor, startAgent } from './support/agent-process.ts';
import { isCi } from './support/config.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, temporaryFolder, testbed } from './support/rig.ts';
import {
  canTrace,
  destinationsOf,
  INSTALL_STRACE,
  traced,
  unreadSockets,
  type Destination,
} from './support/traced-destinations.ts';

const isTraceable = canTrace();
const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

/** Nobody listens there; the attempt is what counts. */
const PLANTED_PORT = 9;
const PLANT = `
  import { connect } from 'node:net';
  import { createSocket } from 'node:dgram';
  connect({ host: '127.0.0.1', port: ${PLANTED_PORT} }).on('error', () => undefined).unref();
  const socket = createSocket('udp4').unref();
  socket.send('planted', ${PLANTED_PORT}, '127.0.0.1', () => socket.close());
`;

interface Watched {
  readonly bed: Testbed;
  readonly server: string;
  readonly agent: string;
}

/** A traced server and a traced agent with its engine, until predictions are stored and both have stopped. */
const watch = async (environment: Readonly<Record<string, string>>): Promise<Watched> => {
  const folder = temporaryFolder(cleanup);
  const serverTrace = join(folder, 'server.trace');
  const agentTrace = join(folder, 'agent.trace');
  const bed = await testbed(folder, cleanup, { wrap: traced(serverTrace) });
  const agent = agentProcess({
    folder,
    deviceId: 'pump-watched',
    fleetPort: bed.devicePort,
    over: { sensors: [pumpSensor(join(folder, 'truth.jsonl'), 10)], models: [{ bundle: 'pump-anomaly' }] },
    wrap: traced(agentTrace),
    environment,
  });
  cleanup.later(async () => agent.stop());
  const { pid } = await startAgent(agent);
  await eventually(
    'predictions are stored',
    async () => (await agentHistory(bed.httpUrl, 'pump-watched')).predictions.length > 3,
    40_000,
  );
  // The tracer passes no signal on; it ends with the process it traces.
  process.kill(pid, 'SIGTERM');
  await eventually('the agent has ended', () => agent.pid === undefined);
  process.kill(bed.readyPid, 'SIGTERM');
  await eventually('the server has ended', () => bed.serverPid === undefined);
  return { bed, server: readFileSync(serverTrace, 'utf8'), agent: readFileSync(agentTrace, 'utf8') };
};

const strangers = (trace: string, isPeer: (destination: Destination) => boolean): Destination[] =>
  destinationsOf(trace).filter((destination) => !isPeer(destination));

const cannotTrace = isTraceable || isCi ? '' : ` (${INSTALL_STRACE})`;
(isTraceable || isCi ? describe : describe.skip)(`sockets${cannotTrace}`, () => {
  test('the agent and its engines connect to the fleet alone, the server to nobody', async () => {
    const { bed, server, agent } = await watch({});
    const isFleet = ({ host, port }: Destination): boolean => host === '127.0.0.1' && port === bed.devicePort;
    expect(strangers(agent, isFleet)).toEqual([]);
    expect(strangers(server, () => false)).toEqual([]);
    expect(destinationsOf(agent).filter(isFleet).length).toBeGreaterThan(0);
    expect([...unreadSockets(agent), ...unreadSockets(server)]).toEqual([]);
  }, 60_000);

  test('a planted connect and a planted datagram are seen, in the agent and in its children', async () => {
    const { bed, agent } = await watch({
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PLANT)}`,
    });
    const found = strangers(agent, ({ port }) => port === bed.devicePort);
    expect(new Set(found.map(({ port }) => port))).toEqual(new Set([PLANTED_PORT]));
    expect(found.some(({ call }) => call === 'connect')).toBe(true);
    expect(found.some(({ call }) => call.startsWith('send'))).toBe(true);
    expect(new Set(found.map(({ pid }) => pid)).size).toBeGreaterThan(2);
  }, 60_000);
});
