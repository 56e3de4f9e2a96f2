/** Every datatype of the protocol over gRPC, typed and raw, and what is wrong with contents by name. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Datatype } from '@shoal/protocol';
import { BundleShelf, identityContent } from '../../../models/test/test-bundles.ts';
import { startTestServer, type TestServer } from '../running-server.ts';
import { grpcClient, type GrpcClient } from './grpc-client.ts';

type Typed = Exclude<Datatype, 'FP16'>;

const bytes = (array: NodeJS.TypedArray): Buffer => Buffer.from(array.buffer);
/** Each element behind its length, u32 little-endian. */
const framed = (...elements: readonly Buffer[]): Buffer =>
  Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(element.length);
      return [length, element];
    }),
  );

/** InferTensorContents, open_inference_grpc.proto: its field, two elements as a client reads them, and the same raw. */
const TYPES: Readonly<Record<Typed, readonly [field: string, elements: readonly unknown[], raw: Buffer]>> = {
  BOOL: ['bool_contents', [true, false], Buffer.of(1, 0)],
  UINT8: ['uint_contents', [0, 255], Buffer.of(0, 255)],
  UINT16: ['uint_contents', [0, 65_535], bytes(Uint16Array.of(0, 65_535))],
  UINT32: ['uint_contents', [0, 4_294_967_295], bytes(Uint32Array.of(0, 4_294_967_295))],
  UINT64: [
    'uint64_contents',
    ['9007199254740993', '18446744073709551615'],
    bytes(BigUint64Array.of(9_007_199_254_740_993n, 18_446_744_073_709_551_615n)),
  ],
  INT8: ['int_contents', [-128, 127], bytes(Int8Array.of(-128, 127))],
  INT16: ['int_contents', [-32_768, 32_767], bytes(Int16Array.of(-32_768, 32_767))],
  INT32: ['int_contents', [-2_147_483_648, 2_147_483_647], bytes(Int32Array.of(-2_147_483_648, 2_147_483_647))],
  INT64: [
    'int64_contents',
    ['-9007199254740993', '9223372036854775807'],
    bytes(BigInt64Array.of(-9_007_199_254_740_993n, 9_223_372_036_854_775_807n)),
  ],
  FP32: ['fp32_contents', [Math.fround(0.1), Math.fround(-3e38)], bytes(Float32Array.of(0.1, -3e38))],
  FP64: ['fp64_contents', [0.1, 1e300], bytes(Float64Array.of(0.1, 1e300))],
  BYTES: ['bytes_contents', [Buffer.from('für'), Buffer.alloc(0)], framed(Buffer.from('für'), Buffer.alloc(0))],
};
const DATATYPES = [...Object.keys(TYPES), 'FP16'] as Datatype[];

interface Output {
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly contents: Readonly<Record<string, readonly unknown[]>> | null;
}
interface Response {
  readonly outputs: readonly Output[];
  readonly raw_output_contents: readonly Buffer[];
}

const shelf = new BundleShelf();
let server: TestServer;
let client: GrpcClient;
beforeAll(async () => {
  const folders = await Promise.all(
    DATATYPES.map(async (datatype) => {
      return (await shelf.write(identityContent(`same-${datatype.toLowerCase()}`, datatype))).folder;
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

const request = (datatype: string, shape: readonly number[], contents?: object, raw?: Buffer): object => ({
  model_name: `same-${datatype.toLowerCase()}`,
  inputs: [{ name: 'x', datatype, shape, ...(contents && { contents }) }],
  raw_input_contents: raw === undefined ? [] : [raw],
});
const infer = (...asked: Parameters<typeof request>): Promise<Response> =>
  client.call<Response>('ModelInfer', request(...asked));

describe.each(Object.entries(TYPES))('%s', (datatype, [field, elements, raw]) => {
  test('comes and goes as typed contents', async () => {
    const { outputs, raw_output_contents: section } = await infer(datatype, [2], { [field]: elements });
    expect([outputs[0]?.datatype, outputs[0]?.shape, section]).toEqual([datatype, ['2'], []]);
    expect(outputs[0]?.contents?.[field]).toEqual(elements);
    const others = Object.entries(outputs[0]?.contents ?? {}).filter(([name]) => name !== field);
    expect(others.flatMap(([, values]) => values)).toEqual([]);
  });

  test('comes and goes raw', async () => {
    const { outputs, raw_output_contents: sections } = await infer(datatype, [2], undefined, raw);
    expect([outputs[0]?.datatype, outputs[0]?.shape, outputs[0]?.contents]).toEqual([datatype, ['2'], null]);
    expect(sections).toEqual([raw]);
  });

  test('passes empty, in both forms', async () => {
    expect((await infer(datatype, [0], {})).outputs[0]?.shape).toEqual(['0']);
    expect((await infer(datatype, [0], undefined, Buffer.alloc(0))).raw_output_contents).toEqual([Buffer.alloc(0)]);
  });

  test('is refused with one element too few, in both forms', async () => {
    for (const asked of [
      infer(datatype, [3], { [field]: elements }),
      infer(datatype, [3], undefined, raw),
      infer(datatype, [1], { [field]: elements }),
    ])
      await expect(asked).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

test('FP16 has no typed contents: it comes raw, and so all outputs leave', async () => {
  const halves = bytes(Uint16Array.of(0x3c00, 0x7bff));
  expect((await infer('FP16', [2], undefined, halves)).raw_output_contents).toEqual([halves]);
  await expect(infer('FP16', [1], { fp32_contents: [1] })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
});

const codeOf = async (asked: Promise<unknown>): Promise<readonly unknown[]> => {
  const fault = (await asked.catch((error: unknown) => error)) as {
    readonly code: number;
    readonly metadata: { get(name: string): readonly unknown[] };
  };
  return [fault.code, ...fault.metadata.get('shoal-error-code')];
};

test.each<readonly [what: string, asked: Parameters<typeof request>, code: string]>([
  ['an INT8 that no INT8 is', ['INT8', [1], { int_contents: [128] }], 'TENSOR_VALUE_INVALID'],
  ['a UINT16 that no UINT16 is', ['UINT16', [1], { uint_contents: [65_536] }], 'TENSOR_VALUE_INVALID'],
  ['half an element', ['INT32', [1], undefined, Buffer.alloc(3)], 'TENSOR_SIZE_MISMATCH'],
  ['a truth value of 2', ['BOOL', [1], undefined, Buffer.of(2)], 'TENSOR_VALUE_INVALID'],
  ['a string longer than what is left', ['BYTES', [1], undefined, Buffer.of(9, 0, 0, 0, 65)], 'TENSOR_SIZE_MISMATCH'],
  ['a string without its length', ['BYTES', [1], undefined, Buffer.of(1, 0)], 'TENSOR_SIZE_MISMATCH'],
  ['strings behind the last', ['BYTES', [1], undefined, framed(Buffer.of(65), Buffer.of(66))], 'TENSOR_SIZE_MISMATCH'],
  ['a string that is no UTF-8', ['BYTES', [1], { bytes_contents: [Buffer.of(0xff)] }], 'INPUT_BYTES_NOT_UTF8'],
  ['a dimension below none', ['FP32', [-1], { fp32_contents: [1] }], 'TENSOR_SHAPE_INVALID'],
  ['another rank', ['FP32', [1, 1], { fp32_contents: [1] }], 'INPUT_SHAPE_INVALID'],
  ['more elements than can be', ['FP32', [1_000_000, 1_000_000], { fp32_contents: [1] }], 'TENSOR_SIZE_MISMATCH'],
  ['infinity where none is allowed', ['FP32', [1], { fp32_contents: [Infinity] }], 'INPUT_NOT_FINITE'],
])('%s is refused by name', async (_, asked, code) => {
  expect(await codeOf(infer(...asked))).toEqual([status.INVALID_ARGUMENT, code]);
});
