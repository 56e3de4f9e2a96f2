/** Large and broken messages over gRPC: read and written on a thread as small ones are at once. */
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BundleShelf, identityContent } from '../../../models/test/test-bundles.ts';
import { isCheapRequest, isCheapResponse } from '../../src/inference/grpc/infer-cost.ts';
import { startTestServer, type TestServer } from '../running-server.ts';
import { grpcClient, type GrpcClient } from './grpc-client.ts';

/** More than is read or written at once; of strings no more than a tensor may have. */
const MANY = 10_000;
const NAMES = { FP32: 'same-fp32', INT64: 'same-int64', BYTES: 'same-bytes' } as const;

const shelf = new BundleShelf();
let server: TestServer;
let client: GrpcClient;
beforeAll(async () => {
  const folders = await Promise.all(
    (['FP32', 'INT64', 'BYTES'] as const).map(async (datatype) => {
      const { folder } = await shelf.write(identityContent(NAMES[datatype], datatype));
      return folder;
    }),
  );
  server = await startTestServer({
    SHOAL_INFERENCE_CATALOGUE: 'leave',
    SHOAL_INFERENCE_BUNDLE_FOLDERS: folders.join(','),
    SHOAL_INFERENCE_DEADLINE_MS: '100000',
  });
  client = grpcClient(server.grpcAddress);
});
afterAll(async () => {
  client.close();
  await server.stopAndRemove();
  await shelf.dispose();
});

interface Response {
  readonly id: string;
  readonly outputs: readonly { readonly contents: Readonly<Record<string, readonly unknown[]>> | null }[];
  readonly raw_output_contents: readonly Buffer[];
}

const indices = Array.from({ length: MANY }, (_, index) => index);
const LARGE: readonly (readonly [keyof typeof NAMES, string, readonly unknown[], Buffer])[] = [
  ['FP32', 'fp32_contents', indices, Buffer.from(Float32Array.from(indices).buffer)],
  ['INT64', 'int64_contents', indices.map(String), Buffer.from(BigInt64Array.from(indices, BigInt).buffer)],
  [
    'BYTES',
    'bytes_contents',
    indices.map((index) => Buffer.from(`${index}`)),
    Buffer.concat(
      indices.flatMap((index) => {
        const text = Buffer.from(`${index}`);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(text.length);
        return [length, text];
      }),
    ),
  ],
];

test.each(LARGE)('many %s elements come and go typed and raw', async (datatype, field, elements, raw) => {
  const asked = { model_name: NAMES[datatype], id: 'g-1', inputs: [{ name: 'x', datatype, shape: [MANY] }] };
  const typed = { ...asked, inputs: [{ ...asked.inputs[0], contents: { [field]: elements } }] };
  const one = await client.call<Response>('ModelInfer', typed);
  const other = await client.call<Response>('ModelInfer', { ...asked, raw_input_contents: [raw] });
  expect([one.id, one.outputs[0]?.contents?.[field], one.raw_output_contents]).toEqual(['g-1', elements, []]);
  expect([other.id, other.outputs[0]?.contents, other.raw_output_contents]).toEqual(['g-1', null, [raw]]);
});

const codeOf = async (asked: Promise<unknown>): Promise<readonly unknown[]> => {
  const fault = (await asked.catch((error: unknown) => error)) as ServiceError;
  return [fault.code, ...fault.metadata.get('shoal-error-code')];
};

test('what is wrong with a large message has the name that it has in a small one', async () => {
  const input = { name: 'x', datatype: 'FP32', shape: [MANY + 1], contents: { fp32_contents: indices } };
  expect(await codeOf(client.call('ModelInfer', { model_name: NAMES.FP32, inputs: [input] }))).toEqual([
    status.INVALID_ARGUMENT,
    'TENSOR_SIZE_MISMATCH',
  ]);
});

test.each([
  ['small', Buffer.from('no message at all')],
  ['large', Buffer.alloc(100_000, 0xff)],
])('a %s message that is none is refused by name', async (_, bytes) => {
  const raw = new Client(server.grpcAddress, credentials.createInsecure());
  const path = '/inference.GRPCInferenceService/ModelInfer';
  const same = (given: Buffer): Buffer => given;
  const asked = new Promise((resolve, reject) => {
    raw.makeUnaryRequest(path, same, same, bytes, (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
  expect(await codeOf(asked)).toEqual([status.INVALID_ARGUMENT, 'SCHEMA_INVALID']);
  raw.close();
});

describe('what a message costs to read', () => {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
  const field = (number: number, length: number): Buffer =>
    Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(length)]), Buffer.alloc(length)]);

  test('is nearly nothing where it is raw, and all of it elsewhere', () => {
    expect(isCheapRequest(Buffer.concat([field(1, 5), field(5, 100), field(7, 10_000_000)]))).toBe(true);
    expect(isCheapRequest(Buffer.concat([field(1, 5), field(5, 40_000)]))).toBe(false);
    expect(isCheapRequest(Buffer.concat([field(7, 40_000), field(5, 40_000)]))).toBe(false);
    expect(isCheapRequest(field(5, 30_000))).toBe(true);
  });

  test('is not guessed where it cannot be read, or where there are many fields', () => {
    expect(isCheapRequest(Buffer.alloc(40_000, 0xff))).toBe(false);
    expect(isCheapRequest(Buffer.concat(Array.from({ length: 20_000 }, () => field(7, 1))))).toBe(false);
    expect(isCheapRequest(Buffer.concat([field(7, 40_000), Buffer.of(8)]))).toBe(false);
  });

  test('of a response goes by its elements, raw numbers being free', () => {
    const outputs = [{ name: 'y', datatype: 'FP32' as const, shape: [5_000], data: new Float32Array(5_000) }];
    expect(isCheapResponse({ model_name: 'm', outputs }, false)).toBe(false);
    expect(isCheapResponse({ model_name: 'm', outputs }, true)).toBe(true);
    const texts = [
      { name: 'y', datatype: 'BYTES' as const, shape: [5_000], data: indices.slice(0, 5_000).map(() => Buffer.of(1)) },
    ];
    expect(isCheapResponse({ model_name: 'm', outputs: texts }, true)).toBe(false);
  });
});
