/** What every host of the protocol must answer over HTTP, be it the server or a device: each path, status and error, as published. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { official } from './official-answers.ts';

export interface RestHost {
  readonly url: string;
  remove(): Promise<void>;
}

/** Versions 1.0.0 of these are loaded, or can be: `x` comes back as `score`. */
export const CONTRACT_MODELS = [
  { name: 'same-fp32', datatype: 'FP32', shape: [-1] },
  { name: 'same-bytes', datatype: 'BYTES', shape: [-1] },
  { name: 'same-table', datatype: 'INT64', shape: [-1, 2] },
] as const;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  json(): unknown;
}

const [numbers, texts, table] = ['same-fp32', 'same-bytes', 'same-table'] as const;
const vector = (...data: unknown[]) => ({ name: 'x', datatype: 'FP32', shape: [data.length], data });

export const restContract = (open: () => Promise<RestHost>): void => {
  let host: RestHost;
  const ask = async (
    method: string,
    path: string,
    body?: object | string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const sent = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    const response = await fetch(host.url + path, { method, headers, ...(body !== undefined && { body: sent }) });
    const bytes = Buffer.from(await response.arrayBuffer());
    const json = (): unknown => {
      expect(response.headers.get('content-type')).toMatch(/^application\/json(;|$)/);
      return JSON.parse(bytes.toString('utf8'));
    };
    return { status: response.status, headers: response.headers, bytes, json };
  };
  const infer = async (request: object, model: string = numbers): Promise<z.infer<typeof official.inferResponse>> => {
    const answer = await ask('POST', `/v2/models/${model}/infer`, request);
    expect([answer.status, answer.status === 200 ? '' : answer.bytes.toString()]).toEqual([200, '']);
    return official.inferResponse.parse(answer.json());
  };
  beforeAll(async () => {
    host = await open();
    for (const { name } of CONTRACT_MODELS) await ask('POST', `/v2/repository/models/${name}/load`);
  });
  afterAll(() => host.remove());

  describe('what is asked with GET', () => {
    const model = `/v2/models/${numbers}`;
    test.each<readonly [path: string, as: z.ZodType]>([
      ['/v2', official.serverMetadata],
      ['/v2/', official.serverMetadata],
      ['/v2/health/live', official.serverLive],
      ['/v2/health/ready', official.serverReady],
      [model, official.modelMetadata],
      [`${model}/versions/1.0.0`, official.modelMetadata],
      [`${model}/ready`, official.modelReady],
      [`${model}/versions/1.0.0/ready`, official.modelReady],
      [`${model}/config`, official.modelConfig],
      [`${model}/versions/1.0.0/config`, official.modelConfig],
      [`${model}/stats`, official.statistics],
      [`${model}/versions/1.0.0/stats`, official.statistics],
      ['/v2/models/stats', official.statistics],
    ])('%s is answered as published, to HEAD without a body, and says what it takes', async (path, as) => {
      const answer = await ask('GET', path);
      expect(answer.status).toBe(200);
      expect(() => as.parse(answer.json())).not.toThrow();
      const head = await ask('HEAD', path);
      expect([head.status, head.bytes.length, head.headers.get('content-length')]).toEqual([
        200,
        0,
        String(answer.bytes.length),
      ]);
      const options = await ask('OPTIONS', path);
      expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
    });

    test('metadata names the model, its versions, its platform and its tensors', async () => {
      expect((await ask('GET', model)).json()).toMatchObject({
        name: numbers,
        versions: ['1.0.0'],
        platform: 'onnx_onnxv1',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
        outputs: [{ name: 'score', datatype: 'FP32', shape: [-1] }],
      });
    });

    test('every extension that is claimed is there, and none that is not', async () => {
      const { extensions } = official.serverMetadata.parse((await ask('GET', '/v2')).json());
      expect(extensions.toSorted()).toEqual([
        'binary_tensor_data',
        'model_configuration',
        'model_repository',
        'schedule_policy',
        'statistics',
      ]);
      for (const path of ['/v2/trace/setting', '/v2/logging', '/v2/systemsharedmemory/status'])
        expect((await ask('GET', path)).status).toBe(404);
    });
  });

  describe('an inference', () => {
    test('names model, version and id, with and without a version in the path', async () => {
      for (const path of [`/v2/models/${numbers}/infer`, `/v2/models/${numbers}/versions/1.0.0/infer`]) {
        const answer = await ask('POST', path, { id: '42', inputs: [vector(1, 2.5)] });
        expect(official.inferResponse.parse(answer.json())).toMatchObject({
          model_name: numbers,
          model_version: '1.0.0',
          id: '42',
          outputs: [{ name: 'score', datatype: 'FP32', shape: [2], data: [1, 2.5] }],
        });
      }
      expect(await infer({ inputs: [vector(1)] })).not.toHaveProperty('id');
    });

    test('takes data nested as its shape is, or flat', async () => {
      for (const data of [
        [
          [1, 2],
          [3, 4],
        ],
        [1, 2, 3, 4],
      ]) {
        const { outputs } = await infer({ inputs: [{ name: 'x', datatype: 'INT64', shape: [2, 2], data }] }, table);
        expect(outputs).toEqual([{ name: 'score', datatype: 'INT64', shape: [2, 2], data: [1, 2, 3, 4] }]);
      }
    });

    test('gives the outputs that are asked for, in JSON or in binary', async () => {
      const asked = { inputs: [vector(7)], outputs: [{ name: 'score', parameters: { binary_data: true } }] };
      const answer = await ask('POST', `/v2/models/${numbers}/infer`, asked);
      const length = Number(answer.headers.get('inference-header-content-length'));
      const head = official.binaryResponse.parse(JSON.parse(answer.bytes.subarray(0, length).toString('utf8')));
      expect(head.outputs).toMatchObject([{ name: 'score', parameters: { binary_data_size: 4 } }]);
      expect(answer.bytes.subarray(length)).toEqual(Buffer.from(Float32Array.of(7).buffer));
    });

    test('takes binary tensors behind its JSON part, strings behind their lengths', async () => {
      const texted = Buffer.from([3, 0, 0, 0, ...Buffer.from('für').subarray(0, 3), 0, 0, 0, 0]);
      const head = Buffer.from(
        JSON.stringify({
          parameters: { binary_data_output: true },
          inputs: [{ name: 'x', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: texted.length } }],
        }),
      );
      const answer = await ask('POST', `/v2/models/${texts}/infer`, new Uint8Array(Buffer.concat([head, texted])), {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(head.length),
      });
      const length = Number(answer.headers.get('inference-header-content-length'));
      expect(answer.headers.get('content-type')).toBe('application/octet-stream');
      expect(answer.bytes.subarray(length)).toEqual(texted);
    });

    test('takes a raw body of one tensor', async () => {
      const body = new Uint8Array(Float32Array.of(1, 2).buffer);
      const answer = await ask('POST', `/v2/models/${numbers}/infer`, body, { 'inference-header-content-length': '0' });
      expect(answer.status).toBe(200);
    });

    const path = `/v2/models/${numbers}/infer`;
    test.each<readonly [what: string, status: number, code: string | RegExp, asked: Parameters<typeof ask>]>([
      ['no JSON', 400, 'PAYLOAD_NOT_JSON', ['POST', path, '{"inputs":']],
      ['no inputs', 400, 'SCHEMA_INVALID', ['POST', path, {}]],
      ['an input that is missing', 400, 'INPUT_MISSING', ['POST', path, { inputs: [] }]],
      ['an input that is unknown', 400, 'INPUT_UNKNOWN', ['POST', path, { inputs: [{ ...vector(1), name: 'z' }] }]],
      [
        'another datatype',
        400,
        'INPUT_DATATYPE_INVALID',
        ['POST', path, { inputs: [{ ...vector(1), datatype: 'INT8' }] }],
      ],
      ['no datatype', 400, 'TENSOR_DATATYPE_UNKNOWN', ['POST', path, { inputs: [{ ...vector(1), datatype: 'FP8' }] }]],
      ['another rank', 400, 'INPUT_SHAPE_INVALID', ['POST', path, { inputs: [{ ...vector(1), shape: [1, 1] }] }]],
      ['too few elements', 400, 'TENSOR_SIZE_MISMATCH', ['POST', path, { inputs: [{ ...vector(1), shape: [2] }] }]],
      ['text for a number', 400, 'TENSOR_VALUE_INVALID', ['POST', path, { inputs: [vector('one')] }]],
      ['an unknown output', 400, 'OUTPUT_UNKNOWN', ['POST', path, { inputs: [vector(1)], outputs: [{ name: 'z' }] }]],
      [
        'a deadline nobody keeps',
        504,
        /^(DEADLINE_UNMEETABLE|ENGINE_TIMEOUT)$/,
        ['POST', path, { inputs: [vector(1)], parameters: { timeout: 1 } }],
      ],
      ['a compressed body', 415, 'CONTENT_ENCODING_UNSUPPORTED', ['POST', path, {}, { 'content-encoding': 'gzip' }]],
      ['an unknown model', 404, 'MODEL_NOT_FOUND', ['POST', '/v2/models/nobody/infer', { inputs: [vector(1)] }]],
      ['an unknown version', 404, 'MODEL_NOT_FOUND', ['GET', `/v2/models/${numbers}/versions/9/ready`]],
      ['an unknown path', 404, 'ROUTE_NOT_FOUND', ['GET', '/v2/nothing']],
      ['another method', 405, 'METHOD_NOT_ALLOWED', ['GET', path]],
    ])('with %s is %i and one sentence', async (_, wanted, code, asked) => {
      const answer = await ask(...asked);
      expect(answer.status).toBe(wanted);
      expect(() => official.error.parse(answer.json())).not.toThrow();
      expect(answer.headers.get('shoal-error-code')).toMatch(code);
    });
  });

  describe('the repository', () => {
    const index = async (body?: object) =>
      official.repositoryIndex.parse((await ask('POST', '/v2/repository/index', body)).json());

    test('lists what is there, or what is ready', async () => {
      const named = (await index()).map(({ name }) => name);
      expect(named).toEqual(expect.arrayContaining([numbers, texts]));
      expect((await index({ ready: true })).every(({ state }) => state === 'READY')).toBe(true);
    });

    test('unloads a model and loads it again', async () => {
      expect((await ask('POST', `/v2/repository/models/${texts}/unload`, {})).status).toBe(200);
      expect((await ask('GET', `/v2/models/${texts}`)).status).toBe(404);
      expect((await index()).find(({ name }) => name === texts)).toMatchObject({ state: 'UNAVAILABLE' });
      expect((await ask('POST', `/v2/repository/models/${texts}/load`, {})).status).toBe(200);
      expect(
        (await infer({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data: ['für'] }] }, texts)).outputs,
      ).toEqual([expect.objectContaining({ datatype: 'BYTES', data: ['für'] })]);
    });

    test('counts what a model did', async () => {
      const read = async () => {
        const { model_stats: stats } = official.statistics.parse(
          (await ask('GET', `/v2/models/${numbers}/stats`)).json(),
        );
        return stats[0];
      };
      const before = await read();
      for (const value of [1, 2, 3]) await infer({ inputs: [vector(value)] });
      const after = await read();
      expect((after?.inference_stats.success.count ?? 0) - (before?.inference_stats.success.count ?? 0)).toBe(3);
      expect(after?.inference_stats.success.ns).toBeGreaterThan(before?.inference_stats.success.ns ?? 0);
      expect(after?.execution_count).toBeGreaterThan(before?.execution_count ?? 0);
      expect(after?.last_inference).toBeGreaterThan(0);
    });

    test.each([
      ['load', 'nobody', {}],
      ['unload', 'nobody', {}],
      ['load', numbers, { parameters: { 'file:1/model.onnx': 'AAAA' } }],
      ['load', numbers, 'no JSON'],
    ])('refuses to %s %s with one sentence', async (change, model, body) => {
      const answer = await ask('POST', `/v2/repository/models/${model}/${change}`, body);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(() => official.error.parse(answer.json())).not.toThrow();
    });
  });
};
