import { describe, expect, test } from '@jest/globals';
import { ModelError, type InferOptions, type ServedAnswer } from '@shoal/models';
import {
  decodeInferResponse,
  encodeInferRequest,
  type Datatype,
  type NamedTensor,
  type TensorData,
  type Tensors,
} from '@shoal/protocol';
import { ask, echo, inferBody, jsonOf, repositoryOf, serviceOver, servedModel } from './served-fixture.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const service = serviceOver(repositoryOf(servedModel({ version: '2.0.0' }), servedModel({ version: '1.0.0' })));

describe('an inference', () => {
  test.each([
    ['/v2/models/echo/infer', '2.0.0'],
    ['/v2/models/echo/versions/1.0.0/infer', '1.0.0'],
  ])('at %s answers by version %s', async (path, version) => {
    const answer = await ask(service, 'POST', path, { body: inferBody([1.5, -2], { id: '42' }) });
    expect(answer.status).toBe(200);
    expect(jsonOf(answer)).toEqual({
      model_name: 'echo',
      model_version: version,
      id: '42',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [1.5, -2] }],
    });
  });

  test('without an id has none in its answer', async () => {
    expect(jsonOf(await ask(service, 'POST', '/v2/models/echo/infer', { body: inferBody() }))).not.toHaveProperty('id');
  });

  test('says where it ran when the model does', async () => {
    const infer = (inputs: Tensors): ServedAnswer => ({ ...echo(inputs), parameters: { source: 'edge' } });
    const answer = await ask(serviceOver(repositoryOf(servedModel({ infer }))), 'POST', '/v2/models/echo/infer', {
      body: inferBody(),
    });
    expect(jsonOf(answer)).toMatchObject({ parameters: { source: 'edge' } });
  });
});

describe('the deadline of a request', () => {
  const left: (number | undefined)[] = [];
  const infer = (inputs: Tensors, { deadlineMs }: InferOptions): ServedAnswer => {
    left.push(deadlineMs);
    return echo(inputs);
  };
  const slow = serviceOver(repositoryOf(servedModel({ infer })));
  const leftOf = async (path: string, body: object, arrivedAt?: number): Promise<number> => {
    const about = { method: 'POST', path, query: new URLSearchParams(), headers: {} };
    const bytes = Buffer.from(JSON.stringify(body), 'utf8');
    await slow.answer({ ...about, body: bytes, ...(arrivedAt !== undefined && { arrivedAt }) });
    return left.pop() ?? Number.NaN;
  };

  test.each([
    ['/v2/models/echo/infer', inferBody()],
    ['/predict', { features: [1, 2] }],
  ])('counts from its arrival at %s, and from now where that is not known', async (path, body) => {
    expect(await leftOf(path, body)).toBe(1_000);
    const afterMost = await leftOf(path, body, performance.now() - 990);
    expect(afterMost).toBeGreaterThanOrEqual(0);
    expect(afterMost).toBeLessThanOrEqual(10);
    expect(await leftOf(path, body, performance.now() - 5_000)).toBe(0);
  });

  test('that asks for less counts from there too', async () => {
    const body = inferBody([1, 2], { parameters: { timeout: 200_000 } });
    expect(await leftOf('/v2/models/echo/infer', body)).toBe(200);
    expect(await leftOf('/v2/models/echo/infer', body, performance.now() - 300)).toBe(0);
  });
});

/** Long integers with all their digits, which `JSON.stringify` refuses. */
const rawJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `long${part}` : part)).replaceAll(
    /"long(-?\d+)"/g,
    '$1',
  );

/** Every datatype with values that a careless path would bend. */
const DATA: readonly (readonly [Datatype, TensorData, unknown])[] = [
  ['BOOL', Uint8Array.of(1, 0), [true, false]],
  ['UINT8', Uint8Array.of(0, 255), [0, 255]],
  ['UINT16', Uint16Array.of(0, 65_535), [0, 65_535]],
  ['UINT32', Uint32Array.of(0, 4_294_967_295), [0, 4_294_967_295]],
  [
    'UINT64',
    BigUint64Array.of(9_007_199_254_740_993n, 18_446_744_073_709_551_615n),
    [9_007_199_254_740_993n, 18_446_744_073_709_551_615n],
  ],
  ['INT8', Int8Array.of(-128, 127), [-128, 127]],
  ['INT16', Int16Array.of(-32_768, 32_767), [-32_768, 32_767]],
  ['INT32', Int32Array.of(-2_147_483_648, 2_147_483_647), [-2_147_483_648, 2_147_483_647]],
  [
    'INT64',
    BigInt64Array.of(-9_007_199_254_740_993n, 9_223_372_036_854_775_807n),
    [-9_007_199_254_740_993n, 9_223_372_036_854_775_807n],
  ],
  ['FP16', Uint16Array.of(0x3c00, 0x7bff), [1, 65_504]],
  ['FP32', Float32Array.of(0.1, -3e38), [0.1, -3e38]],
  ['FP64', Float64Array.of(0.1, 1e300), [0.1, 1e300]],
  ['BYTES', [text('für'), text('')], ['für', '']],
];

describe.each(DATA)('%s', (datatype, data, json) => {
  const shapes = { pair: [2], scalar: [], empty: [0, 3] };
  const passing = serviceOver(
    repositoryOf(
      ...Object.entries(shapes).map(([name, shape]) =>
        servedModel({ name, inputs: [{ name: 'x', datatype, shape }], outputs: [{ name: 'y', datatype, shape }] }),
      ),
    ),
  );

  test.each([
    ['pair', 'json', 2],
    ['pair', 'binary', 2],
    ['scalar', 'json', 1],
    ['scalar', 'binary', 1],
    ['empty', 'json', 0],
    ['empty', 'binary', 0],
  ] as const)('passes as a %s in %s', async (name, form, length) => {
    const shape = shapes[name];
    const tensor: NamedTensor = { name: 'x', datatype, shape, data: data.slice(0, length) };
    const binary = form === 'binary';
    const { body, headerLength } = encodeInferRequest(
      { inputs: [tensor], parameters: { binary_data_output: binary } },
      () => ({ binary, nonFinite: 'refuse' }),
    );
    const headers = headerLength === undefined ? {} : { 'inference-header-content-length': String(headerLength) };
    const answer = await ask(passing, 'POST', `/v2/models/${name}/infer`, { body, headers });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe(binary ? 'application/octet-stream' : 'application/json');
    const length_ = answer.headers['inference-header-content-length'];
    const response = decodeInferResponse(answer.body, length_ === undefined ? undefined : Number(length_));
    expect(response.outputs).toEqual([{ name: 'y', datatype, shape, data: data.slice(0, length) }]);
  });

  test('is in JSON what its readers expect', async () => {
    const body = { inputs: [{ name: 'x', datatype, shape: [2], data: json }] };
    const answer = await ask(passing, 'POST', '/v2/models/pair/infer', { body: rawJson(body) });
    expect(Buffer.from(answer.body).toString('utf8')).toContain(`"data":${rawJson(json)}`);
  });

  test('passes as a raw body', async () => {
    const one = data.slice(0, 1);
    const raw = ArrayBuffer.isView(one) ? new Uint8Array(one.buffer) : (one[0] as Uint8Array);
    const headers = { 'inference-header-content-length': '0' };
    const answer = await ask(passing, 'POST', '/v2/models/scalar/infer', { body: raw, headers });
    expect(answer.status).toBe(200);
    const { outputs } = decodeInferResponse(answer.body, Number(answer.headers['inference-header-content-length']));
    expect(outputs[0]?.data).toEqual(one);
  });
});

describe('outputs', () => {
  const pair = servedModel({
    name: 'pair',
    outputs: [
      { name: 'a', datatype: 'INT64', shape: [1] },
      { name: 'b', datatype: 'FP32', shape: [2] },
    ],
    infer: () => ({
      elapsedMs: 1,
      outputs: {
        a: { datatype: 'INT64', shape: [1], data: BigInt64Array.of(9_007_199_254_740_993n) },
        b: { datatype: 'FP32', shape: [2], data: Float32Array.of(1, NaN) },
      },
    }),
  });
  const two = serviceOver(repositoryOf(pair));
  const asked = (more: object) => ask(two, 'POST', '/v2/models/pair/infer', { body: inferBody([1, 2], more) });

  test('come in the order and form that is asked for', async () => {
    const answer = await asked({ outputs: [{ name: 'b', parameters: { binary_data: true } }, { name: 'a' }] });
    const headerLength = Number(answer.headers['inference-header-content-length']);
    const header = Buffer.from(answer.body.subarray(0, headerLength)).toString('utf8');
    expect(header).toContain('9007199254740993');
    expect(JSON.parse(header)).toMatchObject({
      outputs: [{ name: 'b', parameters: { binary_data_size: 8 } }, { name: 'a' }],
    });
    expect(answer.body.length).toBe(headerLength + 8);
  });

  test('are all of them when none is named', async () => {
    const answer = await asked({ outputs: [], parameters: { non_finite: 'string' } });
    expect(jsonOf(answer)).toMatchObject({ outputs: [{ name: 'a' }, { name: 'b', data: [1, 'NaN'] }] });
  });

  test('that are not finite are an error with their place, unless they may be text', async () => {
    const refused = await asked({});
    expect(refused).toMatchObject({ status: 422, headers: { 'shoal-error-code': 'TENSOR_NOT_FINITE' } });
    expect(jsonOf(refused)).toEqual({ error: expect.stringContaining('"b"[1]') });
    const text_ = await asked({ outputs: [{ name: 'b', parameters: { non_finite: 'string' } }] });
    expect(jsonOf(text_)).toMatchObject({ outputs: [{ data: [1, 'NaN'] }] });
  });

  test.each([
    ['unknown', [{ name: 'c' }], 'OUTPUT_UNKNOWN'],
    ['named twice', [{ name: 'a' }, { name: 'a' }], 'TENSOR_NAME_DUPLICATE'],
  ])('that are %s are refused', async (_, outputs, code) => {
    expect(await asked({ outputs })).toMatchObject({ status: 400, headers: { 'shoal-error-code': code } });
  });
});

describe('the schedule policy', () => {
  const seen: InferOptions[] = [];
  const watching = serviceOver(
    repositoryOf(
      servedModel({
        infer: (inputs, options) => {
          seen.push(options);
          return echo(inputs);
        },
      }),
    ),
  );
  const optionsOf = async (parameters: object): Promise<InferOptions | undefined> => {
    seen.length = 0;
    await ask(watching, 'POST', '/v2/models/echo/infer', { body: inferBody([1, 2], { parameters }) });
    return seen[0];
  };

  test('puts level 1 first, none and unknown levels in the middle, and all between the own work of the host and fallbacks of others', async () => {
    const levels = [];
    for (const priority of [1, 2, 0, 9, 4_000_000_000])
      levels.push(Number((await optionsOf({ priority }))?.priority?.toFixed(6)));
    expect(levels).toEqual([-0.1, -0.2, -0.5, -0.9, -0.5]);
  });

  test('lets a timeout shorten the deadline of the host and never extend it', async () => {
    const deadlines = [];
    for (const timeout of [0, 2_500, 60_000_000]) deadlines.push((await optionsOf({ timeout }))?.deadlineMs);
    expect(deadlines).toEqual([1_000, 2.5, 1_000]);
  });

  test('withdraws the request of a caller who has left', async () => {
    const left = new AbortController();
    const begun = Promise.withResolvers<void>();
    const waiting = servedModel({
      infer: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new ModelError('INFERENCE_CANCELED', 'gone')));
          begun.resolve();
        }),
    });
    const answer = ask(serviceOver(repositoryOf(waiting)), 'POST', '/v2/models/echo/infer', {
      body: inferBody(),
      signal: left.signal,
    });
    await begun.promise;
    left.abort();
    expect(await answer).toMatchObject({ status: 400, headers: { 'shoal-error-code': 'INFERENCE_CANCELED' } });
  });
});
