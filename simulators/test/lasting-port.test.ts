import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { lastingPort } from '../src/lasting-port.ts';

test('a lasting port is below what Linux gives out by itself, and can be listened on again and again', async () => {
  const port = await lastingPort();
  expect(port).toBeGreaterThanOrEqual(10_240);
  expect(port).toBeLessThan(32_768);
  for (const time of [1, 2]) {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    expect({ time, listening: server.listening }).toEqual({ time, listening: true });
    server.close();
    await once(server, 'close');
  }
});
