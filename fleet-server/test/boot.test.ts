/** The whole server starts, every injected class is found, and it stops without leaving anything open. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startTestServer, type TestServer } from './running-server.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

describe('the server', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(async () => {
    await server.stopAndRemove();
  });

  it('is live and ready', async () => {
    expect(await server.get('/health/live')).toMatchObject({ status: 'ok' });
    expect(await server.get('/health/ready')).toMatchObject({ status: 'ok' });
  });

  it('answers an unknown route with a problem of the catalogue', async () => {
    const response = await fetch(`${server.httpUrl}/api/nothing-here`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({ code: 'ROUTE_NOT_FOUND', retryable: false });
  });

  it('names every fault of a query', async () => {
    expect(await server.get('/api/events?limit=0&order=sideways')).toMatchObject({
      code: 'REQUEST_INVALID',
      errors: [{ path: 'limit' }, { path: 'order' }],
    });
  });

  it('exposes its metrics', async () => {
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    expect(text).toContain('shoal_event_loop_delay_p99_seconds');
    expect(text).toContain('shoal_storage_refusing 0');
  });

  it('is closed to both protocols after it stopped', async () => {
    const other = await startTestServer();
    await other.stopAndRemove();
    for (const port of [other.mqttPort, Number(new URL(other.httpUrl).port)]) {
      const refused = await new Promise((resolve) => {
        connect(port, '127.0.0.1')
          .on('error', () => resolve(true))
          .on('connect', () => resolve(false));
      });
      expect(refused).toBe(true);
    }
  });
});
