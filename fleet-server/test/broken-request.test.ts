/** What never becomes a whole request is named, counted, and does not hold a socket for ever. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startTestServer, type TestServer } from './running-server.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

describe('a request that is none', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ SHOAL_HTTP_REQUEST_TIMEOUT_MS: '200' });
  });
  afterAll(() => server.stopAndRemove());

  /** What the server says to these bytes until it closes the socket. */
  const answerTo = async (...parts: readonly string[]): Promise<string> => {
    const socket = connect(Number(new URL(server.httpUrl).port), '127.0.0.1');
    for (const part of parts) socket.write(part);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  };
  const counted = (code: string): Promise<number> => server.metric(`shoal_http_errors_total{code="${code}"}`);

  it('is answered 408 and its socket closed', async () => {
    const head = 'POST /api/devices HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const answer = await answerTo(head, 'Content-Length: 100\r\n\r\n{');
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*"code":"REQUEST_TOO_SLOW"/s);
    expect(await counted('REQUEST_TOO_SLOW')).toBe(1);
  });

  it('is named when it never was one', async () => {
    expect(await answerTo('\u0000\u0001 nothing\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*"code":"HTTP_MALFORMED"/s);
    const wide = `X-Wide: ${'x'.repeat(20_000)}\r\n\r\n`;
    const answer = await answerTo('GET / HTTP/1.1\r\nHost: localhost\r\n', wide);
    expect(answer).toMatch(/^HTTP\/1\.1 431 .*"code":"HEADERS_TOO_LARGE"/s);
    expect(await counted('HTTP_MALFORMED')).toBe(1);
    expect(await counted('HEADERS_TOO_LARGE')).toBe(1);
  });
});
