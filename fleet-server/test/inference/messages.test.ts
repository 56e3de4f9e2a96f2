/** Inference over MQTT against the whole server: what a device asks, cancels, and is told. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  decodeInferFrame,
  decodeInferResponse,
  encodeInferFrame,
  encodeInferRequest,
  isInferFrame,
  topics,
  type InferRequest,
  type InferResponse,
  type JsonObject,
} from '@shoal/protocol';
import { startTestServer, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

let server: TestServer;
let device: TestDevice;
beforeAll(async () => {
  server = await startTestServer({ SHOAL_INFERENCE_DEADLINE_MS: '100000' });
  device = await TestDevice.online(server.mqttPort, 'pump-01');
});
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
});

const row = Float32Array.from({ length: 32 }, (_, index) => index / 32);
const request = (id: string, parameters: JsonObject = {}, rows = 1): InferRequest => ({
  model_name: 'pump-anomaly',
  model_version: '1.0.0',
  id,
  parameters,
  inputs: [
    {
      name: 'features',
      datatype: 'FP32',
      shape: [rows, 32],
      data: Float32Array.from({ length: rows * 32 }, (_, index) => row[index % 32] ?? 0),
    },
  ],
});
const publish = async (asked: InferRequest, binary = true): Promise<void> => {
  const encoded = encodeInferRequest(asked, () => ({ binary, nonFinite: 'string' }));
  await device.client.publishAsync(topics.request(device.deviceId, 'infer'), Buffer.from(encodeInferFrame(encoded)), {
    qos: 1,
  });
};
const answerTo = async (id: string): Promise<InferResponse> => {
  const payload = await device.hearsBytes(topics.reply(device.deviceId, id));
  const { body, headerLength } = decodeInferFrame(payload);
  return decodeInferResponse(body, headerLength);
};

describe('a request of a device', () => {
  test('in binary is answered in binary, with where it ran', async () => {
    await publish(request('i-1', { binary_data_output: true }));
    expect(isInferFrame(await device.hearsBytes(topics.reply(device.deviceId, 'i-1')))).toBe(true);
    expect(await answerTo('i-1')).toMatchObject({
      model_name: 'pump-anomaly',
      model_version: '1.0.0',
      id: 'i-1',
      parameters: { source: 'server', shed: 0 },
      outputs: [{ name: 'score', shape: [1] }, { name: 'contributions' }],
    });
  });

  test('in JSON gives what the binary one gave', async () => {
    await publish(request('i-2'), false);
    const body = JSON.stringify({ ...request('i-3'), inputs: [{ ...request('i-3').inputs[0], data: [...row] }] });
    await device.client.publishAsync(topics.request(device.deviceId, 'infer'), body, { qos: 1 });
    await publish(request('i-4', { binary_data_output: true }));
    const [one, other, third] = await Promise.all([answerTo('i-2'), answerTo('i-3'), answerTo('i-4')]);
    expect([one.outputs, other.outputs]).toEqual([third.outputs, third.outputs]);
  });

  test.each([
    ['of a model that is not there', { ...request('f-1'), model_name: 'nobody' }, 'failed', 'MODEL_NOT_FOUND'],
    ['of a version that is not there', { ...request('f-2'), model_version: '9.9.9' }, 'failed', 'MODEL_NOT_FOUND'],
    [
      'with another shape',
      { ...request('f-3'), inputs: [{ ...request('f-3').inputs[0], shape: [2, 16] }] },
      'failed',
      'INPUT_SHAPE_INVALID',
    ],
    [
      'whose answer is larger than a frame',
      request('f-4', { binary_data_output: true }, 2_000),
      'failed',
      'PAYLOAD_TOO_LARGE',
    ],
    ['whose deadline is over', request('f-5', { timeout: 1 }), 'expired', 'DEADLINE_UNMEETABLE'],
    ['without a model', { ...request('f-6'), model_name: '' }, 'refused', 'SCHEMA_INVALID'],
  ] as const)('%s is told so', async (_, asked, outcome, code) => {
    await publish(asked as InferRequest);
    expect(await device.reply(asked.id ?? '')).toMatchObject({ v: 1, outcome, error: { code } });
  });
});

describe('a request that cannot be read is told so', () => {
  const encoded = Buffer.from(JSON.stringify({ model_name: 'pump-anomaly', id: 'u-4', inputs: [] }));
  test.each([
    ['an envelope of other requests', { v: 1, requestId: 'u-1', deadlineMs: 1_000, body: {} }, 'u-1', 'SCHEMA_INVALID'],
    ['no inputs', { model_name: 'pump-anomaly', id: 'u-2' }, 'u-2', 'SCHEMA_INVALID'],
    ['JSON that breaks off', '{"model_name":"pump-anomaly","id": "u-3","inputs":[{', 'u-3', 'PAYLOAD_NOT_JSON'],
    [
      'a frame without its tensors',
      encodeInferFrame({ body: Buffer.concat([encoded, Buffer.alloc(8)]), headerLength: encoded.length }),
      'u-4',
      'BINARY_TOO_LONG',
    ],
    [
      'data in the wrong type',
      { ...request('u-5'), inputs: [{ name: 'features', datatype: 'FP32', shape: [1], data: ['a'] }] },
      'u-5',
      'TENSOR_VALUE_INVALID',
    ],
  ])('%s', async (_, body, id, code) => {
    const payload = body instanceof Uint8Array || typeof body === 'string' ? body : JSON.stringify(body);
    await device.client.publishAsync(topics.request(device.deviceId, 'infer'), Buffer.from(payload as string), {
      qos: 1,
    });
    expect(await device.reply(id)).toMatchObject({ v: 1, requestId: id, outcome: 'refused', error: { code } });
  });
});

test('a cancel is answered, also when there is nothing left to cancel', async () => {
  const cancel = { v: 1, requestId: 'x-1', deadlineMs: 5_000, body: { cancels: 'nothing' } };
  await device.say(topics.request(device.deviceId, 'infer.cancel'), cancel);
  expect(await device.reply('x-1')).toMatchObject({ outcome: 'ok', body: { canceled: false } });
});
