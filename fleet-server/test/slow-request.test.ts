/** A client that sends its request byte by byte, or never the rest of it, does not hold a socket for ever. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startTestServer, type TestServer } from './running-server.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

describe('a request that does not come to its end', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ SHOAL_HTTP_REQUEST_TIMEOUT_MS: '200' });
  });
  afterAll(() => server.stopAndRemove());

  it('is answered 408 and its socket closed', async () => {
    const socket = connect(Number(new URL(server.httpUrl).port), '127.0.0.1');
    socket.write('POST /api/devices HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n');
    socket.write('Content-Length: 100\r\n\r\n{');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 408 /);
  });
});
