/** What a device is told when an answer is late, and when nobody could read its request: with a clock that the test owns. */
import { expect, test } from '@jest/globals';
import { INLINE_CODEC, ModelError, type InferenceCodec, type ServedAnswer } from '@shoal/models';
import { decodeFrame, decodeInferFrame, decodeInferResponse, isInferFrame, topics, type Reply } from '@shoal/protocol';
import { servedModel } from '../../../models/test/open-inference/served-fixture.ts';
import { InferDesk } from '../../src/inference/infer-desk.service.ts';
import type { UpMessage } from '../../src/ports/device-gateway.ts';

type Parts = ConstructorParameters<typeof InferDesk>;

const RECEIVED_AT = 1_000_000;
const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }];
const messageOf = (body: object): UpMessage => ({
  principal: { kind: 'device', id: 'pump-01', roles: [] },
  deviceId: 'pump-01',
  topic: { direction: 'up', deviceId: 'pump-01', what: 'request', method: 'infer' },
  topicName: topics.request('pump-01', 'infer'),
  payload: Buffer.from(JSON.stringify(body)),
  receivedAt: RECEIVED_AT,
  socketId: 1,
});

interface Told {
  readonly id: string;
  readonly reply: Reply | ReturnType<typeof decodeInferResponse>;
}

/** A desk whose model takes so many milliseconds of its clock. */
const deskWith = ({ takesMs = 0, codec = INLINE_CODEC }: { takesMs?: number; codec?: InferenceCodec }) => {
  let now = RECEIVED_AT;
  const counted: string[] = [];
  const told = new Map<string, Told['reply']>();
  const heard = Promise.withResolvers<void>();
  const tell = (id: string, reply: Told['reply']): boolean => {
    told.set(id, reply);
    return true;
  };
  const infer = (given: Parameters<ReturnType<typeof servedModel>['infer']>[0]): ServedAnswer => {
    now += takesMs;
    return { outputs: { y: given['x'] ?? { datatype: 'FP32', shape: [0], data: new Float32Array() } }, elapsedMs: 1 };
  };
  const model = { ...servedModel({ infer }), queueFill: () => 0 };
  const around = {
    clock: { now: () => now },
    config: { inference: { deadlineMs: 10_000 } },
    codec,
    metrics: {
      count: (_: string, __: number, { outcome }: { outcome: string }) => {
        counted.push(outcome);
        heard.resolve();
      },
    },
    log: { error: () => undefined },
  };
  const messages = { reply: async (_: string, reply: Reply) => tell(reply.requestId, reply) };
  const gateway = {
    send: async (_: string, topic: string, payload: Uint8Array) => {
      const id = topic.slice(topic.lastIndexOf('/') + 1);
      if (!isInferFrame(payload)) return tell(id, decodeFrame(payload) as Reply);
      const { body, headerLength } = decodeInferFrame(payload);
      return tell(id, decodeInferResponse(body, headerLength));
    },
  };
  const models = { get: () => model };
  const desk = new InferDesk(...([around, messages, gateway, models] as unknown as Parts));
  return { desk, told, counted, heard: heard.promise };
};

const ask = { model_name: 'echo', id: 'd-1', parameters: { timeout: 250_000 }, inputs };

test('an answer in time is an answer', async () => {
  const { desk, told, counted, heard } = deskWith({ takesMs: 249 });
  await desk.take(messageOf(ask));
  await heard;
  expect(told.get('d-1')).toMatchObject({ id: 'd-1', outputs: [{ name: 'y', data: Float32Array.of(1, 2) }] });
  expect(told.get('d-1')).not.toMatchObject({ parameters: { late: true } });
  expect(counted).toEqual(['ok']);
});

test('an answer after its deadline still comes, and says that it is late', async () => {
  const { desk, told, counted, heard } = deskWith({ takesMs: 251 });
  await desk.take(messageOf(ask));
  await heard;
  expect(told.get('d-1')).toMatchObject({ id: 'd-1', parameters: { late: true }, outputs: [{ name: 'y' }] });
  expect(counted).toEqual(['late']);
});

test('an answer a minute after its deadline is of no use to anybody, and the device is told', async () => {
  const { desk, told, counted, heard } = deskWith({ takesMs: 60_251 });
  await desk.take(messageOf(ask));
  await heard;
  expect(told.get('d-1')).toMatchObject({ outcome: 'expired', error: { code: 'ENGINE_TIMEOUT' } });
  expect(counted).toEqual(['ENGINE_TIMEOUT']);
});

test('a request that nobody has time to read is told so, and its connection stays', async () => {
  const codec: InferenceCodec = {
    ...INLINE_CODEC,
    decodeRequest: async () => {
      throw new ModelError('ENGINE_BUSY', 'Too many large messages wait');
    },
  };
  const { desk, told, counted } = deskWith({ codec });
  await desk.take(messageOf(ask));
  expect(told.get('d-1')).toMatchObject({ outcome: 'failed', error: { code: 'ENGINE_BUSY', retryable: true } });
  expect(counted).toEqual(['ENGINE_BUSY']);
});

test('the same request twice at once is answered once', async () => {
  const { desk, counted, heard } = deskWith({});
  await Promise.all([desk.take(messageOf(ask)), desk.take(messageOf(ask))]);
  await heard;
  expect(counted).toEqual(['ok']);
});
