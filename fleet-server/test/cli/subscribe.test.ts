/** `shoal sub` against a real broker. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { encodeFrame, examplesOf, MQTT_CHANNELS, topics, type MqttChannel } from '@shoal/protocol';
import { Aedes } from 'aedes';
import { shoal as run, type Outcome, type RunOptions } from './run-shoal.ts';

let broker: Aedes;
let listener: Server;
const serve = async (port: number): Promise<void> => {
  broker = await Aedes.createBroker();
  broker.authorizeSubscribe = (_, subscription, done) =>
    done(null, subscription.topic.startsWith('shoal/v1/devices') ? null : subscription);
  listener = createServer({ noDelay: true }, broker.handle).listen(port, '127.0.0.1');
  await once(listener, 'listening');
};
beforeEach(() => serve(0));
afterEach(async () => {
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  listener.close();
});

const shoal = (line: string, options: RunOptions = {}): Promise<Outcome> =>
  run(['sub', ...line.split(' ').filter(Boolean)], {
    ...options,
    environment: { SHOAL_MQTT: `mqtt://127.0.0.1:${(listener.address() as AddressInfo).port}` },
  });
const publish = (topic: string, payload: Uint8Array): void =>
  broker.publish(
    { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false },
    () => undefined,
  );
/** The broker comes back on the same port. */
const restart = async (): Promise<void> => {
  const { port } = listener.address() as AddressInfo;
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  await new Promise((resolve) => listener.close(resolve));
  await serve(port);
};
const subscribed = async (): Promise<{ id: string }> => {
  const [, client] = (await once(broker, 'subscribe')) as [unknown, { id: string }];
  return client;
};

test('prints what is published, inflated, with its topic; ends after --count', async () => {
  const printing = shoal('live/+/events --json --count 2');
  const { id } = await subscribed();
  publish(topics.live('pump-01', 'readings'), encodeFrame({ not: 'asked for' }));
  publish(topics.live('pump-01', 'events'), encodeFrame({ message: 'x'.repeat(2_000) }));
  publish(topics.live('pump-02', 'events'), Buffer.from('garbage'));
  const { exitCode, stdout, stderr } = await printing;
  expect(id).toMatch(/^sub-/);
  expect(exitCode).toBe(0);
  expect(stderr).toContain('Subscribed to shoal/v1/live/+/events');
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { at: 1_760_000_090_000, topic: 'shoal/v1/live/pump-01/events', content: { message: 'x'.repeat(2_000) } },
    {
      at: 1_760_000_090_000,
      topic: 'shoal/v1/live/pump-02/events',
      content: { undecodable: 'PAYLOAD_NOT_JSON', sizeBytes: 7 },
    },
  ]);
});

test('without arguments it follows every live record until Ctrl-C, one readable line each', async () => {
  const stop = new AbortController();
  const printing = shoal('', { signal: stop.signal, onData: () => stop.abort() });
  await subscribed();
  publish(topics.live('pump-01', 'readings'), encodeFrame({ values: { a: '\u001b[2J' } }));
  const { exitCode, stdout } = await printing;
  expect(exitCode).toBe(0);
  expect(stdout).toBe('08:54:50.000 live/pump-01/readings {"values":{"a":"\\u001b[2J"}}\n');
});

/** A message as the documents show it, on a topic of its channel. */
const example = (builder: MqttChannel['builder'], ...levels: string[]): [topic: string, payload: Uint8Array] => {
  const channel = MQTT_CHANNELS.find(
    (candidate) => candidate.builder === builder && (levels[1] === undefined || candidate.address.endsWith(levels[1])),
  );
  const [schema] = Object.values(channel?.messages ?? {});
  if (channel === undefined || schema === undefined) throw new Error(`no example of ${builder}`);
  return [channel.address.replaceAll(/\{\w+\}/g, levels[0] ?? ''), encodeFrame(examplesOf(schema)[0] as object)];
};

test.each([
  [
    'live pump-07',
    'shoal/v1/live/pump-07/+',
    example('live', 'pump-07', 'readings'),
    'readings pump-07 pump Pressure=0.38 Current=1.33',
  ],
  [
    'live + predictions',
    'shoal/v1/live/+/predictions',
    example('live', 'pump-07', 'predictions'),
    'predictions pump-07 pump-anomaly@1.0.0 score=0.42 normal (edge)',
  ],
  [
    'live pump-07 events',
    'shoal/v1/live/pump-07/events',
    example('live', 'pump-07', 'events'),
    'events pump-07 warning engine.changed native-child failed its probe (SIGILL); wasm-child serves pump-anomaly 1.0.0.',
  ],
  [
    'windows pump-minute',
    'shoal/v1/windows/pump-minute/+',
    example('window', 'pump-minute'),
    'window pump-minute pump-07 2025-10-09T08:54:00Z to 2025-10-09T08:55:00Z final: 60 records records=60 load=301.5 pressure.p50=0.38 pressure.p99=0.41',
  ],
  [
    'predictions pump-risk',
    'shoal/v1/predictions/pump-risk/+',
    example('prediction', 'pump-risk'),
    'prediction p-9f86d081884c7d659a2f succeeded pump-risk pump-07 [0.25]',
  ],
  [
    'alerts',
    'shoal/v1/alerts/+',
    example('alert', 'a-3f9c-17'),
    'alert a-3f9c-17 alarm pump-hot firing pump-07 value=84.5',
  ],
  [
    'summary',
    'shoal/v1/fleet/summary',
    example('fleetSummary'),
    'fleet-summary 25 devices: online=24 offline=1 records/s=25 predictions/s=0.4 stored=90000 dead-letters=0',
  ],
])('%s subscribes to %s and reads well', async (words, filter, [topic, payload], line) => {
  const printing = shoal(`${words} --count 1`);
  await subscribed();
  publish(topic, payload);
  const { exitCode, stdout, stderr } = await printing;
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining(`Subscribed to ${filter} `)]);
  expect(stdout).toBe(`08:54:50.000 ${line}\n`);
});

test('a broker that goes and comes back is followed on, and Ctrl-C still ends it', async () => {
  const stop = new AbortController();
  const printing = shoal('alerts', { signal: stop.signal, onData: (out) => out.includes('after') && stop.abort() });
  await subscribed();
  publish(topics.alert('a-1'), encodeFrame({ before: 1 }));
  await restart();
  await subscribed();
  publish(topics.alert('a-1'), encodeFrame({ after: 1 }));
  const { exitCode, stdout, stderr } = await printing;
  expect(exitCode).toBe(0);
  expect(stdout.match(/before|after/g)).toEqual(['before', 'after']);
  expect(stderr).toMatch(/closed the connection; trying again[\s\S]*Connected again\./);
});

test('names that are none, a refused filter, too few messages and a broker that is not there', async () => {
  for (const words of ['live UPPER', 'live pump-1 heat', 'windows a/b', 'alerts now', 'fleet/summary more']) {
    expect(await shoal(words)).toMatchObject({ exitCode: 2, stdout: '' });
  }
  expect(await shoal('devices/pump-01/up/readings')).toMatchObject({ exitCode: 4 });
  expect(await shoal('--count 1 --seconds 1')).toMatchObject({ exitCode: 5 });
  const absent = await run(['sub', '--mqtt', 'mqtt://127.0.0.1:9']);
  expect(absent).toMatchObject({ exitCode: 1, stdout: '' });
  expect(absent.stderr).toContain('BROKER_UNREACHABLE');
});
