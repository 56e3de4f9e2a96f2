/** How connections of plain requests live and end. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import { until } from '../running-server.ts';
import { EchoServer } from './echo-server.ts';

jest.setTimeout(60_000);

const post = (query = ''): string => `POST /predict${query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`;

const servers: EchoServer[] = [];
const start = async (options = {}): Promise<EchoServer> => {
  const server = await EchoServer.start(true, options);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

interface Client {
  readonly socket: Socket;
  /** Everything so far. */
  readonly heard: () => string;
  readonly closed: Promise<unknown>;
}

const connectTo = async (server: EchoServer): Promise<Client> => {
  const socket = server.connect();
  let text = '';
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  // Who is not told more says no more.
  socket.on('end', () => socket.end());
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  return { socket, heard: () => text, closed };
};

const answers = (heard: string): number => heard.split('HTTP/1.1 200').length - 1;

test('a request that never becomes whole is Node’s, which answers 408', async () => {
  const server = await start({ requestTimeout: 200 });
  const client = await connectTo(server);
  client.socket.write(post());
  await until(() => answers(client.heard()) === 1);
  client.socket.write(post().slice(0, -1));
  await client.closed;
  expect(client.heard()).toMatch(/200 OK.*HTTP\/1\.1 408 .*"REQUEST_TOO_SLOW"/s);
});

test('so is a connection on which nothing is said', async () => {
  const client = await connectTo(await start({ requestTimeout: 200 }));
  await client.closed;
  expect(client.heard()).toMatch(/^HTTP\/1\.1 408 /);
});

test('a request that comes slowly is still answered', async () => {
  const server = await start();
  const client = await connectTo(server);
  const startedAt = performance.now();
  client.socket.write(post().slice(0, 30));
  // Longer than it takes to give a connection away.
  await until(() => performance.now() - startedAt > 1_500);
  client.socket.write(post().slice(30));
  await until(() => answers(client.heard()) === 1);
  expect(server.plain).toBe(0);
  client.socket.destroy();
});

test('a connection that is not used any more is closed', async () => {
  const client = await connectTo(await start({ keepAliveTimeout: 100 }));
  client.socket.write(post());
  await client.closed;
  expect(answers(client.heard())).toBe(1);
});

test('answers leave in the order of the requests, and what is not plain waits for its turn', async () => {
  const server = await start();
  const waiting: (() => void)[] = [];
  server.holds = (answer) => waiting.push(answer);
  const client = await connectTo(server);
  const get = 'GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const sent = post('?a=1') + post('?a=2') + get + post('?a=3');
  client.socket.write(sent);
  await server.hasRead(client.socket, sent.length);
  expect([waiting.length, client.heard()]).toEqual([1, '']);
  waiting.shift()?.();
  await until(() => waiting.length === 1);
  waiting.shift()?.();
  await until(() => answers(client.heard()) === 4);
  expect(client.heard().match(/"url":"[^"]*"/g)).toEqual(
    ['?a=1', '?a=2', '/x', '?a=3'].map((url) => (url === '/x' ? '"url":"/x"' : `"url":"/predict${url}"`)),
  );
  expect(server.plain).toBe(2);
  client.socket.destroy();
});

test('whoever leaves is known to have left, and nobody is answered in his place', async () => {
  const server = await start();
  const waiting: (() => void)[] = [];
  server.holds = (answer) => waiting.push(answer);
  const client = await connectTo(server);
  client.socket.write(post('?who=leaves') + post('?who=never'));
  await until(() => waiting.length === 1);
  client.socket.destroy();
  await until(() => server.left.length > 0);
  expect(server.left).toEqual(['/predict?who=leaves']);
  waiting.shift()?.();
  expect(server.plain).toBe(1);
});

test('who does not read his answers is not asked for more requests', async () => {
  const server = await start();
  const client = await connectTo(server);
  client.socket.pause();
  const many = 60;
  client.socket.write(post('?large=yes').repeat(many));
  await until(() => server.plain > 0);
  await server.hasRead(client.socket, post('?large=yes').length);
  expect(server.plain).toBeLessThan(many / 2);
  client.socket.resume();
  await until(() => server.plain === many);
  client.socket.destroy();
});

test('a server that closes ends what is idle, and the rest after its answer', async () => {
  const server = await start();
  const idle = await connectTo(server);
  idle.socket.write(post());
  await until(() => answers(idle.heard()) === 1);
  const waiting: (() => void)[] = [];
  server.holds = (answer) => waiting.push(answer);
  const running = await connectTo(server);
  running.socket.write(post());
  await until(() => waiting.length === 1);
  const closed = server.close();
  await idle.closed;
  waiting.shift()?.();
  await running.closed;
  await closed;
  expect(running.heard()).toMatch(/\r\nConnection: close\r\n.*\{"method":"POST"/s);
});

test('a server that has no time ends all', async () => {
  const server = await start();
  server.holds = () => undefined;
  const [idle, running] = await Promise.all([connectTo(server), connectTo(server)]);
  running.socket.write(post());
  await until(() => server.plain === 1);
  server.destroyAll();
  await Promise.all([idle.closed, running.closed]);
  expect(running.heard()).toBe('');
});

test('whoever leaves in the middle of a body is counted', async () => {
  const server = await start();
  const client = await connectTo(server);
  client.socket.end(post().slice(0, -1));
  await client.closed;
  await until(() => server.abandoned === 1);
  expect(client.heard()).toMatch(/^HTTP\/1\.1 400 /);
});
