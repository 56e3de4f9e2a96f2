/** What bounds the server: bodies, instances, and what its metrics say of it all. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { call } from '../call.ts';
import { until, type TestServer } from '../running-server.ts';
import { LONG, startTurningServer } from './turning-server.ts';

jest.setTimeout(120_000);
const LIMIT = 20_000;

let server: TestServer;
let remove: () => Promise<void>;
let url: string;
beforeAll(async () => {
  ({ server, remove } = await startTurningServer({
    SHOAL_INFERENCE_INSTANCES: '2',
    SHOAL_INFERENCE_BODY_LIMIT_BYTES: String(LIMIT),
  }));
  url = `${server.httpUrl}/v2/models/turning/infer`;
});
afterAll(() => remove());

const bodyOf = (...values: number[]): object => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [values.length, 1], data: values }],
});

interface Refusal {
  readonly status: number | undefined;
  readonly code: unknown;
  readonly error: string;
}

/** In pieces, without saying how long it is, as a stream does. */
const sendStreamed = (bytes: number): Promise<Refusal> =>
  new Promise((resolve, reject) => {
    const asking = httpRequest(url, { method: 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const { error } = JSON.parse(text) as { readonly error: string };
        resolve({ status: response.statusCode, code: response.headers['shoal-error-code'], error });
      });
    });
    asking.on('error', reject);
    for (let sent = 0; sent < bytes; sent += 1_000) asking.write(' '.repeat(1_000));
    asking.end();
  });

describe('a body over the bound', () => {
  const refusal = { status: 413, code: 'REQUEST_TOO_LARGE', error: expect.stringContaining(String(LIMIT)) };

  test('is refused by its announced length', async () => {
    const answer = await call<{ error: string }>('POST', url, ' '.repeat(LIMIT + 1));
    const { status, headers, body } = answer;
    expect({ status, code: headers.get('shoal-error-code'), error: body.error }).toMatchObject({
      ...refusal,
      error: expect.stringMatching(/bound|bytes/),
    });
  });

  test('is refused when it turns out to be, and the next one is served', async () => {
    expect(await sendStreamed(LIMIT + 1_000)).toMatchObject(refusal);
    expect((await call('POST', url, bodyOf(1))).status).toBe(200);
  });
});

test('with two instances a request does not wait for one that takes long', async () => {
  let isLongOver = false;
  const leave = new AbortController();
  const long = fetch(url, { method: 'POST', body: JSON.stringify(bodyOf(LONG)), signal: leave.signal })
    .catch(() => undefined)
    .finally(() => (isLongOver = true));
  await until(async () => (await server.metric(PENDING)) === 1);
  for (const value of [1, 2, 3]) expect((await call('POST', url, bodyOf(value))).status).toBe(200);
  expect(isLongOver).toBe(false);
  leave.abort();
  await long;
  await until(async () => (await server.metric(PENDING)) === 0);
});

const LABELS = '{model="turning",version="1.0.0"}';
const PENDING = `shoal_inference_pending_requests${LABELS}`;
const TIMES = ['request', 'queue', 'compute_input', 'compute_infer', 'compute_output'].map(
  (part) => `shoal_inference_${part}_seconds`,
);

describe('metrics', () => {
  const read = async (): Promise<ReadonlyMap<string, number>> => {
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    const samples = text.split('\n').filter((line) => line.startsWith('shoal_inference'));
    return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  };

  test('count requests, rows, runs and failures, and hold every time as a histogram', async () => {
    const before = await read();
    for (const values of [[1], [1, 2, 3]]) await call('POST', url, bodyOf(...values));
    await call('POST', url, { ...bodyOf(1), parameters: { timeout: 1 } });
    const after = await read();
    const rise = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(rise(`shoal_inference_request_success_total${LABELS}`)).toBe(2);
    expect(rise(`shoal_inference_count_total${LABELS}`)).toBe(4);
    expect(rise(`shoal_inference_exec_count_total${LABELS}`)).toBe(2);
    expect(rise('shoal_inference_request_failure_total{model="turning",version="1.0.0",reason="REJECTED"}')).toBe(1);
    for (const name of TIMES) {
      expect([name, rise(`${name}_count${LABELS}`)]).toEqual([name, 2]);
      expect(rise(`${name}_bucket{le="+Inf",model="turning",version="1.0.0"}`)).toBe(2);
      expect(rise(`${name}_sum${LABELS}`)).toBeGreaterThanOrEqual(0);
    }
    expect(rise(`shoal_inference_request_seconds_sum${LABELS}`)).toBeGreaterThan(
      rise(`shoal_inference_compute_infer_seconds_sum${LABELS}`),
    );
    expect(rise(`shoal_inference_batch_rows_sum${LABELS}`)).toBe(4);
    expect(after.get(PENDING)).toBe(0);
  });

  test('say of each name what it is', async () => {
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    for (const name of [...TIMES, 'shoal_inference_batch_rows']) expect(text).toContain(`# TYPE ${name} histogram\n`);
    expect(text).toContain('# TYPE shoal_inference_pending_requests gauge\n');
    expect(text).toContain('# TYPE shoal_inference_request_success_total counter\n');
  });
});
