/** `/v2` and `/predict` on the HTTP server: the door, what is not read, and what a caller who leaves costs. */
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ModelError } from '@shoal/models';
import { loadConfig } from '../../src/config.ts';
import type { PlainAnswer } from '../../src/http-plain/plain-exchange.ts';
import { InferenceRoutes } from '../../src/inference/inference-routes.service.ts';
import type { ModelVersion } from '../../src/inference/model-version.ts';
import type { ServedModels } from '../../src/inference/served-models.service.ts';
import type { Surroundings } from '../../src/inference/surroundings.service.ts';
import { LoopbackAuthenticator } from '../../src/adapters/embedded/loopback-authenticator.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';

jest.setTimeout(60_000);

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `fetch` does not let anybody choose Host. */
const ask = (url: string, { method = 'POST', headers = {}, body = '' }: Ask = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { connection: 'keep-alive', ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });

describe('the inference routes of a whole server', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ SHOAL_INFERENCE_BODY_LIMIT_BYTES: '1000' });
  });
  afterAll(() => server.stopAndRemove());

  test('are behind the same door as every other', async () => {
    const rebound = await ask(`${server.httpUrl}/predict`, { headers: { host: 'rebound.example' }, body: '{}' });
    expect(rebound).toMatchObject({ status: 403, headers: { 'shoal-error-code': 'HOST_FORBIDDEN' } });
    const foreign = await ask(`${server.httpUrl}/v2/repository/models/pump-anomaly/unload`, {
      headers: { origin: 'http://site.example' },
    });
    expect(foreign).toMatchObject({ status: 403, headers: { 'shoal-error-code': 'ORIGIN_FORBIDDEN' } });
    expect(await server.metric('shoal_http_errors_total{code="ORIGIN_FORBIDDEN"}')).toBe(1);
  });

  test.each(['/v2', '/v2/', '/v2/health/live', '/v2?x=1'])('answer %s with the fixed headers', async (path) => {
    const answer = await ask(server.httpUrl + path, { method: 'GET' });
    expect(answer).toMatchObject({ status: 200, headers: { 'x-content-type-options': 'nosniff' } });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('give HEAD what GET gives, without the body', async () => {
    const { headers } = await ask(`${server.httpUrl}/v2`, { method: 'GET' });
    const head = await ask(`${server.httpUrl}/v2`, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-length': headers['content-length'] } });
  });

  test('leave paths that only begin like theirs to the others', async () => {
    for (const path of ['/v2x', '/predictions', '/v20/health/live'])
      expect(await ask(server.httpUrl + path, { method: 'GET' })).toMatchObject({ status: 404 });
  });

  test('end the connection of a body that is too large', async () => {
    const answer = await ask(`${server.httpUrl}/predict`, { body: 'x'.repeat(1_001) });
    expect(answer).toMatchObject({
      status: 413,
      headers: { 'shoal-error-code': 'REQUEST_TOO_LARGE', connection: 'close' },
    });
  });

  test('hold nothing of a caller who leaves in the middle of his body', async () => {
    for (let caller = 0; caller < 6; caller += 1) {
      const socket = connect(Number(new URL(server.httpUrl).port), '127.0.0.1');
      const head = 'POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n';
      await new Promise<void>((resolve) => socket.write(head + 'x'.repeat(800), () => resolve()));
      socket.destroy();
    }
    const canceled = 'shoal_http_errors_total{code="INFERENCE_CANCELED"}';
    await until(async () => (await server.metric(canceled)) === 6);
    expect(await ask(`${server.httpUrl}/predict`, { body: '{' })).toMatchObject({ status: 400 });
  });
});

describe('a loop that is late', () => {
  const { inference, grpc } = loadConfig({ file: undefined, environment: {}, flags: {} });
  const loop = { lateMs: 0, fill: 1 };
  const unread: unknown[] = [];
  let made = 0;
  const full = {
    queueFill: () => loop.fill,
    noteUnread: (reason: unknown) => unread.push(reason),
    retryAfterMs: () => 2_400,
    refuseUnread: (_: number, mayOvertake: () => boolean) => {
      if (mayOvertake()) return undefined;
      made += 1;
      const reason = new ModelError('QUEUE_FULL', 'All places are taken');
      unread.push(reason);
      return reason;
    },
    manifest: { name: 'full', signature: { inputs: [] } },
  } as unknown as ModelVersion;
  const models = {
    get: (name: string) => (name === 'full' ? full : undefined),
    only: () => full,
    list: () => [full],
  } as unknown as ServedModels;
  const around = {
    config: { inference, grpc },
    arrivals: { lateMs: () => loop.lateMs, arrivedAt: () => performance.now() },
    metrics: { count: () => undefined },
  } as unknown as Surroundings;
  const routes = new InferenceRoutes(around, models, new LoopbackAuthenticator());
  let server: Server;
  let url = '';
  beforeAll(async () => {
    server = createServer((incoming, response) => {
      if (!routes.take(incoming, response)) response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test.each(['/v2/models/full/infer', '/v2/models/full/versions/1/infer', '/predict'])(
    'refuses what it would read only to refuse it at %s, and counts it',
    async (path) => {
      Object.assign(loop, { lateMs: 6, fill: 1 });
      const before = unread.length;
      const answer = await ask(url + path, { body: 'never parsed' });
      expect(answer).toMatchObject({
        status: 429,
        headers: { 'shoal-error-code': 'QUEUE_FULL', 'retry-after': '1', 'cache-control': 'no-store' },
      });
      expect(unread).toHaveLength(before + 1);
    },
  );

  test('refuses a plain request of a full line unread, with one answer for all of a turn', async () => {
    const arrivals = { lateMs: () => 0, arrivedAt: () => turn };
    const own = new InferenceRoutes(
      { config: around.config, metrics: around.metrics, arrivals } as unknown as Surroundings,
      models,
      new LoopbackAuthenticator(),
    );
    let turn = 1;
    const answers: PlainAnswer[] = [];
    const askPlain = (body: string): void => {
      const request = {
        url: '/predict',
        headers: { host: 'localhost' },
        body: Buffer.from(body),
        remoteAddress: '127.0.0.1',
      };
      const signal = new AbortController().signal;
      expect(own.plain.take({ ...request, signal }, { send: (answer) => answers.push(answer) })).toBe(true);
    };
    Object.assign(loop, { lateMs: 0, fill: 1 });
    const before = unread.length;
    made = 0;
    for (turn = 1; turn <= 2; turn += 1) for (const body of ['no JSON', '{}', '[']) askPlain(body);
    expect([made, unread.length - before]).toEqual([2, 6]);
    for (const answer of answers) expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '3' } });
    askPlain('{"priority":');
    await until(() => answers.length === 7);
    expect(answers.at(-1)?.status).toBe(400);
    Object.assign(loop, { fill: 0.99 });
    askPlain('no JSON');
    await until(() => answers.length === 8);
    expect(answers.at(-1)?.status).toBe(400);
  });

  test.each([
    ['whose line has room', '/predict', { lateMs: 6, fill: 0.99 }],
    ['in time', '/predict', { lateMs: 5, fill: 1 }],
    ['about something else', '/v2/models/full/ready', { lateMs: 6, fill: 1 }],
    ['to a model that is not there', '/v2/models/none/infer', { lateMs: 6, fill: 1 }],
  ])('reads a request %s', async (_, path, state) => {
    Object.assign(loop, state);
    const before = unread.length;
    expect((await ask(url + path, { body: 'not JSON' })).status).not.toBe(429);
    expect(unread).toHaveLength(before);
  });
});
