/** The fault proxy is transparent until told otherwise, and then does exactly what it was told. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FaultProxy } from '../../src/faults/fault-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { seededRandom } from '../../src/seeded-random.ts';

let target: Server;
let proxy: FaultProxy;
let port: number;
let received: Buffer[];
const clients: Socket[] = [];

const receivedBytes = (): number => received.reduce((sum, chunk) => sum + chunk.length, 0);

beforeEach(async () => {
  received = [];
  target = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received.push(chunk);
      socket.write(chunk);
    });
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port: targetPort } = target.address() as AddressInfo;
  proxy = new FaultProxy({ targetHost: '127.0.0.1', targetPort, random: seededRandom('proxy') });
  port = await proxy.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.stop();
  target.close();
});

const open = async (): Promise<Socket> => {
  const client = connect({ port, host: '127.0.0.1', noDelay: true });
  client.on('error', () => undefined);
  clients.push(client);
  await once(client, 'connect');
  return client;
};
const echoed = async (client: Socket, size: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total < size) {
    const [chunk] = (await once(client, 'data')) as [Buffer];
    chunks.push(chunk);
    total += chunk.length;
  }
  return Buffer.concat(chunks);
};

test('bytes pass unchanged in both directions, more than it holds back', async () => {
  const client = await open();
  const bytes = Buffer.alloc(1_000_000, 'abcdefg');
  client.write(bytes);
  expect((await echoed(client, bytes.length)).equals(bytes)).toBe(true);
});

test('an end is passed on after everything before it', async () => {
  const client = await open();
  proxy.set({ latencyMs: 20 });
  client.resume();
  client.end(Buffer.alloc(5_000, 1));
  await once(client, 'close');
  expect(receivedBytes()).toBe(5_000);
});

test('latency delays and jitter keeps the order', async () => {
  const client = await open();
  proxy.set({ latencyMs: 15, jitterMs: 15 });
  const startedAt = performance.now();
  client.write('first ');
  client.write('second ');
  setImmediate(() => client.write('third'));
  expect((await echoed(client, 18)).toString()).toBe('first second third');
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(30);
});

test('dribbled bytes arrive in pieces of the given size', async () => {
  const client = await open();
  proxy.set({ dribbleBytes: 3, dribblePauseMs: 2 });
  client.write('0123456789');
  await echoed(client, 10);
  expect(Buffer.concat(received).toString()).toBe('0123456789');
  expect(received.length).toBeGreaterThan(2);
});

test('a stall holds bytes until it ends, a blackhole never gives them back', async () => {
  const client = await open();
  proxy.set({ stalled: true });
  client.write('held');
  const other = await open();
  expect(receivedBytes()).toBe(0);
  proxy.set({});
  expect((await echoed(client, 4)).toString()).toBe('held');
  proxy.set({ blackhole: true });
  other.write('gone');
  client.write('gone too');
  await eventually('both are swallowed', () => proxy.counts.swallowedBytes === 12);
  proxy.set({});
  other.write('!');
  expect((await echoed(other, 1)).toString()).toBe('!');
  expect(receivedBytes()).toBe(5);
});

test('a connection is reset in the middle of what it carries', async () => {
  const client = await open();
  proxy.set({ resetAfterBytes: 7 });
  client.write('0123456789');
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
  await eventually('the bytes before the reset arrive', () => receivedBytes() === 7);
  expect(Buffer.concat(received).toString()).toBe('0123456');
  expect(proxy.counts).toMatchObject({ accepted: 1, alive: 0 });
});

test('a refusing proxy resets who connects', async () => {
  proxy.set({ refusing: true });
  const client = connect({ port, host: '127.0.0.1' });
  clients.push(client);
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
  expect(proxy.counts.accepted).toBe(0);
});
