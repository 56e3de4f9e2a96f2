/** What is refused before a route is looked for, against a whole server. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startTestServer, type TestServer } from './running-server.ts';

jest.setTimeout(60_000);

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

describe('the HTTP edge', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.stopAndRemove());

  /** `fetch` does not let anybody choose Host. */
  const ask = (method: string, path: string, headers: Record<string, string>, body = ''): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request(new URL(path, server.httpUrl), { method, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const parsed: unknown = text === '' ? null : JSON.parse(text);
          resolve({ status: response.statusCode, headers: response.headers, body: parsed });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const json = { 'content-type': 'application/json' };

  it('serves nothing to a page that came in through DNS rebinding', async () => {
    const answer = await ask('GET', '/api/devices', { host: 'rebound.example' });
    expect(answer).toMatchObject({ status: 403, body: { code: 'HOST_FORBIDDEN', retryable: false } });
    expect(await server.metric('shoal_http_errors_total{code="HOST_FORBIDDEN"}')).toBe(1);
  });

  it('changes nothing for a page of another origin', async () => {
    const headers = { ...json, origin: 'http://site.example' };
    const answer = await ask('POST', '/api/devices', headers, '{"deviceId":"planted"}');
    expect(answer).toMatchObject({ status: 403, body: { code: 'ORIGIN_FORBIDDEN' } });
    expect(await server.get('/api/devices')).toMatchObject({ items: [] });
  });

  it('never lets another origin read an answer', async () => {
    const answer = await ask('GET', '/api/devices', { origin: 'http://site.example' });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  });

  it.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['plain text', { 'content-type': 'text/plain' }],
    ['no type at all', {}],
    ['a compressed body', { ...json, 'content-encoding': 'gzip' }],
  ])('does not read %s', async (_, headers) => {
    const answer = await ask('POST', '/api/devices', headers, 'deviceId=planted');
    expect(answer).toMatchObject({ status: 415, body: { code: 'MEDIA_TYPE_UNSUPPORTED' } });
  });

  it('does not send again what the caller has (RFC 9110 13.1.2)', async () => {
    await ask('POST', '/api/devices', json, '{"deviceId":"pump-2"}');
    const first = await ask('GET', '/api/devices/pump-2', {});
    const known = { 'if-none-match': String(first.headers['etag']) };
    expect(await ask('GET', '/api/devices/pump-2', known)).toMatchObject({ status: 304, body: null });
    expect(await ask('GET', '/api/devices/pump-2', { 'if-none-match': '"99"' })).toMatchObject({ status: 200 });
  });

  it('reads a merge patch under its own type (RFC 7396)', async () => {
    await ask('POST', '/api/devices', json, '{"deviceId":"pump-1"}');
    const type = { 'content-type': 'application/merge-patch+json' };
    const answer = await ask('PATCH', '/api/devices/pump-1/twin', type, '{"desired":{"logLevel":"debug"}}');
    expect(answer).toMatchObject({ status: 200, body: { desired: { logLevel: 'debug' } } });
  });
});
