/** The six calls of the protocol over gRPC against the whole server. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestServer, type TestServer } from '../running-server.ts';
import { grpcClient, type GrpcClient } from './grpc-client.ts';

let server: TestServer;
let client: GrpcClient;
beforeAll(async () => {
  server = await startTestServer();
  client = grpcClient(server.grpcAddress);
});
afterAll(async () => {
  client.close();
  await server.stopAndRemove();
});

const row = Float32Array.from({ length: 32 }, (_, index) => index / 32);
const input = { name: 'features', datatype: 'FP32', shape: [1, 32] };
const typed = {
  model_name: 'pump-anomaly',
  model_version: '1.0.0',
  id: 'g-1',
  inputs: [{ ...input, contents: { fp32_contents: [...row] } }],
};
const raw = {
  model_name: 'pump-anomaly',
  model_version: '1.0.0',
  inputs: [input],
  raw_input_contents: [Buffer.from(row.buffer)],
};

interface Response {
  readonly outputs: readonly {
    readonly name: string;
    readonly contents: { readonly fp32_contents: number[] } | null;
  }[];
  readonly raw_output_contents: readonly Buffer[];
}

test('the server lives, says what it is, and is not ready before its models are', async () => {
  expect(await client.call('ServerLive', {})).toEqual({ live: true });
  expect(await client.call('ServerMetadata', {})).toMatchObject({
    name: 'shoal',
    extensions: expect.arrayContaining(['statistics']),
  });
  expect(await client.call('ServerReady', {})).toEqual({ ready: false });
  await client.call('ModelInfer', typed);
  expect(await client.call('ModelReady', { name: 'pump-anomaly', version: '1.0.0' })).toEqual({ ready: true });
});

test('a model has metadata', async () => {
  expect(await client.call('ModelMetadata', { name: 'pump-anomaly', version: '1.0.0' })).toMatchObject({
    name: 'pump-anomaly',
    versions: expect.arrayContaining(['1.0.0']),
    platform: 'onnx_onnxv1',
    inputs: [{ name: 'features', datatype: 'FP32', shape: ['-1', '32'] }],
  });
});

describe('an inference', () => {
  test('answers in the form it was asked in, and the same over HTTP', async () => {
    const asTyped = await client.call<Response>('ModelInfer', typed);
    const asRaw = await client.call<Response>('ModelInfer', raw);
    expect(asTyped).toMatchObject({
      model_name: 'pump-anomaly',
      model_version: '1.0.0',
      id: 'g-1',
      parameters: { source: { string_param: 'server' } },
      raw_output_contents: [],
    });
    const rawScore = asRaw.raw_output_contents[0]?.readFloatLE(0);
    expect(asTyped.outputs[0]?.contents?.fp32_contents).toEqual([rawScore]);
    const body = JSON.stringify({ inputs: [{ ...input, data: [...row] }] });
    const http = await fetch(`${server.httpUrl}/v2/models/pump-anomaly/versions/1.0.0/infer`, { method: 'POST', body });
    const { outputs } = (await http.json()) as { outputs: { data: number[] }[] };
    expect(Math.fround(outputs[0]?.data[0] ?? 0)).toBe(rawScore);
  });

  test.each([
    ['an unknown model', { ...typed, model_name: 'nobody' }, status.NOT_FOUND, 'MODEL_NOT_FOUND'],
    ['an unknown version', { ...typed, model_version: '9.9.9' }, status.NOT_FOUND, 'MODEL_NOT_FOUND'],
    [
      'another shape',
      { ...typed, inputs: [{ ...typed.inputs[0], shape: [2, 16] }] },
      status.INVALID_ARGUMENT,
      'INPUT_SHAPE_INVALID',
    ],
    [
      'too few elements',
      { ...typed, inputs: [{ ...input, contents: { fp32_contents: [1] } }] },
      status.INVALID_ARGUMENT,
      'TENSOR_SIZE_MISMATCH',
    ],
    [
      'the wrong field',
      { ...typed, inputs: [{ ...input, contents: { fp64_contents: [...row] } }] },
      status.INVALID_ARGUMENT,
      'TENSOR_DATA_MISSING',
    ],
    [
      'raw and typed contents',
      { ...typed, raw_input_contents: raw.raw_input_contents },
      status.INVALID_ARGUMENT,
      'TENSOR_DATA_MISSING',
    ],
    [
      'too few raw contents',
      { ...raw, inputs: [input, { ...input, name: 'b' }] },
      status.INVALID_ARGUMENT,
      'TENSOR_DATA_MISSING',
    ],
    [
      'an unknown datatype',
      { ...raw, inputs: [{ ...input, datatype: 'FP8' }] },
      status.INVALID_ARGUMENT,
      'TENSOR_DATATYPE_UNKNOWN',
    ],
    ['an unknown output', { ...typed, outputs: [{ name: 'nothing' }] }, status.INVALID_ARGUMENT, 'OUTPUT_UNKNOWN'],
    [
      'a deadline nobody keeps',
      { ...typed, parameters: { timeout: { int64_param: 1 } } },
      status.DEADLINE_EXCEEDED,
      'DEADLINE_UNMEETABLE',
    ],
  ])('of %s is a status', async (_, request, code, named) => {
    const fault = client.call('ModelInfer', request);
    await expect(fault).rejects.toMatchObject({ code, details: expect.stringMatching(/./) });
    const { metadata } = (await fault.catch((error: { metadata: { get(name: string): unknown[] } }) => error)) as {
      metadata: { get(name: string): unknown[] };
    };
    expect(metadata.get('shoal-error-code')).toEqual([named]);
  });
});

test('a message over the bound is refused before it is read', async () => {
  const huge = { ...raw, raw_input_contents: [Buffer.alloc(68_000_000)] };
  await expect(client.call('ModelInfer', huge)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});
