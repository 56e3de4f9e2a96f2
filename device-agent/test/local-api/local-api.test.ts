import { chmod, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { InferOptions } from '@shoal/models';
import { HoldBook, type HoldFile } from '../../src/ota/update-hold.ts';
import { systemClock } from '../../src/runtime.ts';
import { codeOf, withFolder } from '../fixtures/conditions.ts';
import { addressOf, BODY, post, rawExchange, withLocalApi } from './local-api-fixture.ts';

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const statusesOf = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

describe('the local API', () => {
  it('shows the agent, and says what it has where it has nothing', async () => {
    await withLocalApi({}, async (url) => {
      const view = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
      expect(await view('/health')).toEqual({ state: 'ok', reasons: [] });
      expect(await view('/status')).toEqual({ deviceId: 'pump-07', localApi: { listeners: 0, slow: 0, refused: 0 } });
      expect(await view('/outbox')).toEqual({ depth: 3 });
      expect(await view('/models')).toEqual({ models: [] });
      expect(await view('/doctor')).toMatchObject({ status: 404 });
      expect(await view('/nothing')).toMatchObject({ status: 404, detail: expect.stringContaining('/v2') });
      expect((await fetch(`${url}/v2/nothing`)).status).toBe(404);
    });
  });

  it('runs the checks of this device where there are some', async () => {
    await withLocalApi({ views: { doctor: async () => ({ checks: [] }) } }, async (url) => {
      expect(await (await fetch(`${url}/doctor`)).json()).toEqual({ checks: [] });
    });
  });

  it('lists hard examples by page and filter, and gives all that match as lines', async () => {
    const examples = Array.from({ length: 45 }, (_, i) => ({
      at: 1_000 * (45 - i),
      model: i % 5 === 0 ? 'motor' : 'pump',
      kind: i % 3 === 0 ? 'late' : 'disagreement',
      features: [i],
    }));
    await withLocalApi({ views: { hardExamples: async () => examples } }, async (url) => {
      const ask = (query: string) => fetch(`${url}/hard-examples${query}`);
      type Listed = { items: { at: number; model: string; kind: string }[]; nextCursor: string | null };
      const paged: Listed['items'] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const query = `?limit=7&model=pump${cursor === '' ? '' : `&cursor=${cursor}`}`;
        const page = (await (await ask(query)).json()) as Listed;
        expect(page.items.length).toBeLessThanOrEqual(7);
        paged.push(...page.items);
        cursor = page.nextCursor;
      }
      const expected = examples.filter(({ model }) => model === 'pump').toSorted((a, b) => a.at - b.at);
      expect(paged).toEqual(expected);
      const lines = await ask('?format=ndjson&kind=late&from=4000&to=40000');
      expect(lines.headers.get('content-type')).toContain('ndjson');
      const given = (await lines.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
      const late = examples.filter(({ kind, at }) => kind === 'late' && at >= 4_000 && at < 40_000);
      expect(given).toEqual(late.toSorted((a, b) => a.at - b.at));
      const refused = await ask('?kind=easy&page=2');
      expect([refused.status, await refused.json()]).toEqual([
        400,
        { status: 400, detail: expect.stringContaining('kind') },
      ]);
      expect((await ask('?cursor=later')).status).toBe(400);
    });
    await withLocalApi({}, async (url) => {
      expect(await (await fetch(`${url}/hard-examples`)).json()).toEqual({ items: [], nextCursor: null });
    });
  });

  it('takes a hold of updates, shows it, takes it back, and says what is wrong with a bad one', async () => {
    let file: HoldFile | undefined;
    const write = async (value: HoldFile): Promise<void> => void (file = value);
    const book = new HoldBook({ file: { read: async () => file, write }, clock: systemClock, maxMs: 60_000 });
    const updates = {
      held: () => book.current(),
      hold: (wish: unknown) => book.set(wish),
      release: async () => void (await book.release()),
    };
    await withLocalApi({ updates }, async (url) => {
      const ask = async (method: string, body?: string) => {
        const answer = await fetch(`${url}/updates/hold`, { method, ...(body !== undefined && { body }) });
        return [answer.status, await answer.json()] as const;
      };
      expect(await ask('GET')).toEqual([200, { hold: null }]);
      const held = { hold: { since: expect.any(Number), until: expect.any(Number), reason: 'a measurement' } };
      expect(await ask('PUT', '{"forMs":5000,"reason":"a measurement"}')).toEqual([200, held]);
      expect(await ask('GET')).toEqual([200, held]);
      const refused = { status: 400, code: 'UPDATE_HOLD_INVALID', detail: expect.any(String) };
      for (const wrong of ['{', '7', '{"forMs":-1}', '{"forMs":60001}', '{"for":"2h"}', '{"reason":""}'])
        expect([wrong, ...(await ask('PUT', wrong))]).toEqual([wrong, 400, refused]);
      expect(await ask('GET')).toEqual([200, held]);
      expect((await ask('PATCH'))[0]).toBe(405);
      const foreign = { method: 'PUT', headers: { origin: 'http://elsewhere.example' } };
      expect((await fetch(`${url}/updates/hold`, foreign)).status).toBe(403);
      expect(await ask('DELETE')).toEqual([200, { hold: null }]);
      expect(await ask('PUT')).toEqual([200, { hold: expect.any(Object) }]);
    });
  });

  it('answers a fault of its own with 500 and lives on', async () => {
    const views = {
      models: () => {
        throw new Error('broken');
      },
    };
    await withLocalApi({ views }, async (url) => {
      expect((await fetch(`${url}/models`)).status).toBe(500);
      expect((await fetch(`${url}/health`)).status).toBe(200);
    });
  });

  it.each(['/health', '/hard-examples', '/v2', '/v2/models/echo', '/readings'])(
    'answers HEAD, OPTIONS and a wrong method at %s',
    async (path) => {
      await withLocalApi({}, async (url) => {
        const head = path === '/readings' ? undefined : await fetch(url + path, { method: 'HEAD' });
        expect([head?.status ?? 200, await head?.text()]).toEqual([200, head && '']);
        const options = await fetch(url + path, { method: 'OPTIONS' });
        expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
        const wrong = await fetch(url + path, { method: 'DELETE' });
        expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
      });
    },
  );
});

describe('an inference over a socket', () => {
  it('may come in chunks, and the connection goes on', async () => {
    await withLocalApi({}, async (url) => {
      const half = BODY.length >> 1;
      const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
      const answer = await rawExchange(
        addressOf(url),
        post(['Transfer-Encoding: chunked']),
        chunk(BODY.slice(0, half)),
        chunk(BODY.slice(half)),
        '0\r\n\r\n',
        `${post([`Content-Length: ${BODY.length}`, 'Connection: close'])}${BODY}`,
      );
      expect(statusesOf(answer)).toEqual([200, 200]);
      expect(answer).toContain('"data":[1,2]');
    });
  });

  it('in binary is answered in binary', async () => {
    await withLocalApi({}, async (url) => {
      const data = new Float32Array([0.5, -2]);
      const raw = await fetch(`${url}/v2/models/echo/infer`, {
        method: 'POST',
        headers: { 'inference-header-content-length': '0' },
        body: data,
      });
      const bytes = new Uint8Array(await raw.arrayBuffer());
      const tail = bytes.slice(Number(raw.headers.get('inference-header-content-length')));
      expect(new Float32Array(tail.buffer)).toEqual(data);
      expect(raw.headers.get('content-length')).toBe(String(bytes.length));
    });
  });

  it('too large is refused by its announced and by its real size, without losing the connection', async () => {
    await withLocalApi({ config: { maxBodyBytes: 1_024 } }, async (url) => {
      const announced = await fetch(`${url}/v2/models/echo/infer`, { method: 'POST', body: 'x'.repeat(2_000) });
      expect([announced.status, announced.headers.get('shoal-error-code')]).toEqual([413, 'REQUEST_TOO_LARGE']);
      const chunk = `400\r\n${'x'.repeat(1_024)}\r\n`;
      const answer = await rawExchange(
        addressOf(url),
        post(['Transfer-Encoding: chunked']),
        chunk,
        chunk,
        '0\r\n\r\n',
        `${post([`Content-Length: ${BODY.length}`, 'Connection: close'])}${BODY}`,
      );
      expect(statusesOf(answer)).toEqual([413, 200]);
    });
  });

  it('with a wrong content length harms nobody else', async () => {
    await withLocalApi({}, async (url) => {
      const longer = await rawExchange(addressOf(url), `${post(['Content-Length: 4'])}${BODY}`);
      expect(statusOf(longer)).toBe(400);
      const both = await rawExchange(
        addressOf(url),
        post(['Content-Length: 4', 'Transfer-Encoding: chunked']),
        '0\r\n\r\n',
      );
      expect(statusOf(both)).toBe(400);
      expect((await fetch(`${url}/health`)).status).toBe(200);
    });
  });

  it('is withdrawn when its caller leaves', async () => {
    const begun = Promise.withResolvers<void>();
    const withdrawn = Promise.withResolvers<string>();
    const infer = async (_: unknown, { signal }: InferOptions): Promise<never> => {
      signal?.addEventListener('abort', () => withdrawn.resolve('withdrawn'));
      begun.resolve();
      return new Promise(() => undefined);
    };
    await withLocalApi({ infer }, async (url) => {
      const left = new AbortController();
      const answer = fetch(`${url}/v2/models/echo/infer`, { method: 'POST', body: BODY, signal: left.signal });
      await begun.promise;
      left.abort();
      await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
      expect(await withdrawn.promise).toBe('withdrawn');
    });
  });

  it('with endless headers, or with a body that never comes, ends by itself', async () => {
    await withLocalApi({ config: { requestTimeoutMs: 200 } }, async (url) => {
      expect(statusOf(await rawExchange(addressOf(url), post([`X: ${'x'.repeat(20_000)}`])))).toBe(431);
      expect(statusOf(await rawExchange(addressOf(url), 'GET /health HTTP/1.1\r\nHost: localhost\r\n'))).toBe(408);
      expect(statusesOf(await rawExchange(addressOf(url), post(['Content-Length: 100']), '{'))).toContain(408);
    });
  });
});

describe('a page of another site', () => {
  const from = async (url: string, ...headers: string[]): Promise<string> =>
    rawExchange(addressOf(url), `${post([...headers, `Content-Length: ${BODY.length}`, 'Connection: close'])}${BODY}`);

  it('cannot read by a name of its own', async () => {
    await withLocalApi({}, async (url) => {
      const get = (path: string): Promise<string> =>
        rawExchange(addressOf(url), `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
      expect(await get('/status')).toMatch(/^HTTP\/1\.1 403 [^]*shoal-error-code: HOST_FORBIDDEN[^]*"detail"/);
      expect(await get('/v2')).toMatch(/^HTTP\/1\.1 403 [^]*"error"/);
      expect(await get('/readings')).toMatch(/^HTTP\/1\.1 403 /);
    });
  });

  it('cannot ask for an inference', async () => {
    await withLocalApi({}, async (url) => {
      expect(statusOf(await from(url, 'Origin: http://evil.example'))).toBe(403);
      expect(statusOf(await from(url, 'Sec-Fetch-Site: cross-site'))).toBe(403);
      expect(statusOf(await from(url, 'Origin: http://localhost'))).toBe(200);
      expect(statusOf(await from(url))).toBe(200);
    });
  });
});

describe('the socket file', () => {
  const viaFile = (socketPath: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      httpRequest({ socketPath, path }, (response) => resolve(response.resume().statusCode ?? 0))
        .on('error', reject)
        .end();
    });

  it('is for this user alone and answers as the port does', async () => {
    await withFolder(async (folder) => {
      const socket = join(folder, 'agent.sock');
      await withLocalApi({ config: { socket } }, async () => {
        expect((await stat(socket)).mode & 0o777).toBe(0o600);
        expect(await viaFile(socket, '/v2/health/live')).toBe(200);
      });
      expect(await stat(socket).catch(() => 'gone')).toBe('gone');
    });
  });

  it('is not taken from a process that serves it', async () => {
    await withFolder(async (folder) => {
      const socket = join(folder, 'agent.sock');
      await withLocalApi({ config: { socket } }, async () => {
        expect(await codeOf(withLocalApi({ config: { socket } }, async () => undefined))).toBe('LOCAL_API_UNAVAILABLE');
        expect(await viaFile(socket, '/health')).toBe(200);
      });
    });
  });

  it('does not replace a file that is no socket', async () => {
    await withFolder(async (folder) => {
      const socket = join(folder, 'notes.txt');
      await writeFile(socket, 'mine');
      await chmod(socket, 0o644);
      expect(await codeOf(withLocalApi({ config: { socket } }, async () => undefined))).toBe('LOCAL_API_UNAVAILABLE');
      expect((await stat(socket)).size).toBe(4);
    });
  });
});
