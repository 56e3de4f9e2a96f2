/** `shoal sub` against a real broker. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { encodeFrame, topics } from '@shoal/protocol';
import { Aedes } from 'aedes';
import { shoal as run, type Outcome, type RunOptions } from './run-shoal.ts';

let broker: Aedes;
let listener: Server;
beforeEach(async () => {
  broker = await Aedes.createBroker();
  broker.authorizeSubscribe = (_, subscription, done) =>
    done(null, subscription.topic.startsWith('shoal/v1/devices') ? null : subscription);
  listener = createServer({ noDelay: true }, broker.handle).listen(0, '127.0.0.1');
  await once(listener, 'listening');
});
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

test('a refused filter, too few messages, a broker that goes and one that is not there', async () => {
  expect(await shoal('devices/pump-01/up/readings')).toMatchObject({ exitCode: 4 });
  expect(await shoal('--count 1 --seconds 1')).toMatchObject({ exitCode: 5 });
  const following = shoal('');
  await subscribed();
  broker.close();
  expect(await following).toMatchObject({ exitCode: 1 });
  const absent = await run(['sub', '--mqtt', 'mqtt://127.0.0.1:9']);
  expect(absent).toMatchObject({ exitCode: 1, stdout: '' });
  expect(absent.stderr).toContain('BROKER_UNREACHABLE');
});
