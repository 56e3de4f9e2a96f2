/** What binary, raw and MQTT inference messages refuse, each by name, and what encoders refuse to send. */
import { describe, expect, test } from '@jest/globals';
import {
  BOUNDS,
  decodeInferFrame,
  decodeInferRequest,
  decodeRawInferRequest,
  encodeInferFrame,
  encodeInferResponse,
  parseHeaderLength,
  type NamedTensor,
  type ProtocolError,
  type TensorSpec,
} from '../../src/index.ts';
import { announced, codeOf, faultOf, x } from './malformed-requests.ts';

const withBinary = (inputs: object[], tail: Uint8Array, headerShift = 0): string => {
  const header = Buffer.from(JSON.stringify({ inputs }));
  return codeOf(() => decodeInferRequest(Buffer.concat([header, tail]), header.length + headerShift));
};
describe('binary', () => {
  test.each<[string, object[], number[], string]>([
    ['all as it should be', [announced({}, 8)], [0, 0, 0, 0, 0, 0, 0, 0], 'ok'],
    ['raw_binary too short', [announced({}, 8)], [0, 0, 0, 0], 'BINARY_TOO_SHORT'],
    [
      'the second tensor missing',
      [announced({}, 8), announced({ name: 'z' }, 8)],
      Array<number>(8).fill(0),
      'BINARY_TOO_SHORT',
    ],
    ['raw_binary_longer', [announced({}, 8)], Array<number>(9).fill(0), 'BINARY_TOO_LONG'],
    ['bytes and no tensor for them', [x], [0], 'BINARY_TOO_LONG'],
    ['a size below the shape', [announced({}, 4)], [0, 0, 0, 0], 'TENSOR_SIZE_MISMATCH'],
    ['a size above the shape', [announced({}, 12)], Array<number>(12).fill(0), 'TENSOR_SIZE_MISMATCH'],
    [
      'buffer_size_overflow',
      [announced({ shape: [2 ** 32, 2 ** 30] }, 8)],
      Array<number>(8).fill(0),
      'TENSOR_SHAPE_INVALID',
    ],
    ['a size beyond 2^53', [announced({}, 2 ** 60)], [], 'TENSOR_SIZE_MISMATCH'],
    ['a size of 2^52', [announced({}, 2 ** 52)], [], 'BINARY_TOO_SHORT'],
    ['a BOOL of 2', [announced({ datatype: 'BOOL' }, 2)], [1, 2], 'TENSOR_VALUE_INVALID'],
    [
      'BYTES without room for lengths',
      [announced({ datatype: 'BYTES' }, 7)],
      [0, 0, 0, 0, 0, 0, 0],
      'TENSOR_SIZE_MISMATCH',
    ],
    [
      'BYTES longer than their section',
      [announced({ datatype: 'BYTES' }, 8)],
      [5, 0, 0, 0, 1, 2, 3, 4],
      'TENSOR_SIZE_MISMATCH',
    ],
    ['BYTES of 4 GB', [announced({ datatype: 'BYTES' }, 8)], Array<number>(8).fill(0xff), 'TENSOR_SIZE_MISMATCH'],
    [
      'BYTES with half a length',
      [announced({ datatype: 'BYTES' }, 9)],
      [3, 0, 0, 0, 1, 2, 3, 0, 0],
      'TENSOR_SIZE_MISMATCH',
    ],
    [
      'byte_too_many_elements',
      [announced({ datatype: 'BYTES', shape: [1] }, 10)],
      [1, 0, 0, 0, 7, 1, 0, 0, 0, 7],
      'TENSOR_SIZE_MISMATCH',
    ],
  ])('%s', (_, inputs, tail, code) => {
    expect(withBinary(inputs, Uint8Array.from(tail))).toBe(code);
  });

  test('inference_header_content_length_out_of_range', () => {
    expect(
      ['', '-1', '1.5', 'abc', '0x10', ' 7', '9'.repeat(30)].map((text) => codeOf(() => parseHeaderLength(text))),
    ).toEqual(Array(7).fill('BINARY_HEADER_OUT_OF_RANGE'));
    expect([undefined, '0', '123'].map(parseHeaderLength)).toEqual([undefined, 0, 123]);
    for (const length of [-1, 1.5, NaN, 5, 2 ** 40])
      expect(codeOf(() => decodeInferRequest(Buffer.from('{}'), length))).toBe('BINARY_HEADER_OUT_OF_RANGE');
  });

  test('a header length that cuts through the JSON or takes in the tensors', () => {
    expect(withBinary([announced({}, 8)], Uint8Array.from(Array<number>(8).fill(0)), -1)).toBe('PAYLOAD_NOT_JSON');
    expect(withBinary([announced({}, 8)], Uint8Array.from(Array<number>(8).fill(0)), 1)).toBe('PAYLOAD_NOT_JSON');
  });
});

describe('raw requests', () => {
  const spec = (datatype: TensorSpec['datatype'], shape: number[]): TensorSpec => ({ name: 'x', datatype, shape });
  const decode = (specs: TensorSpec[], bytes: number): NamedTensor | undefined =>
    decodeRawInferRequest(new Uint8Array(bytes), specs).inputs[0];

  test('the free dimension takes what the body holds', () => {
    expect(decode([spec('FP32', [-1, 3])], 24)).toEqual({
      name: 'x',
      datatype: 'FP32',
      shape: [2, 3],
      data: new Float32Array(6),
    });
    expect(decode([spec('FP32', [2, 3])], 24)?.shape).toEqual([2, 3]);
    expect(decode([spec('INT8', [-1])], 0)?.shape).toEqual([0]);
    expect(decode([spec('FP64', [])], 8)?.shape).toEqual([]);
    expect(decode([spec('BYTES', [-1, 1])], 5)).toEqual({
      name: 'x',
      datatype: 'BYTES',
      shape: [1, 1],
      data: [new Uint8Array(5)],
    });
    expect(decodeRawInferRequest(new Uint8Array(1), [spec('INT8', [1])]).parameters).toEqual({
      binary_data_output: true,
    });
  });

  test.each<[string, TensorSpec[], number, string]>([
    ['a model of two inputs', [spec('FP32', [1]), spec('FP32', [1])], 4, 'TENSOR_DATA_MISSING'],
    ['a model of none', [], 4, 'TENSOR_DATA_MISSING'],
    ['two free dimensions', [spec('FP32', [-1, -1])], 4, 'TENSOR_SHAPE_INVALID'],
    ['a body that does not divide', [spec('FP32', [-1, 3])], 16, 'TENSOR_SHAPE_INVALID'],
    ['half an element', [spec('FP32', [-1])], 6, 'TENSOR_SHAPE_INVALID'],
    ['raw_binary_longer', [spec('FP32', [3])], 16, 'TENSOR_SIZE_MISMATCH'],
    ['a body for an empty tensor', [spec('FP32', [0, -1])], 4, 'TENSOR_SIZE_MISMATCH'],
    ['two elements of BYTES', [spec('BYTES', [2])], 4, 'TENSOR_SHAPE_INVALID'],
    ['over the bound', [spec('INT8', [-1])], BOUNDS.inferenceBytes + 1, 'INFERENCE_TOO_LARGE'],
  ])('%s', (_, specs, bytes, code) => {
    expect(codeOf(() => decode(specs, bytes))).toBe(code);
  });
});

describe('frames', () => {
  test('too short, too long, and a length that lies', () => {
    expect(codeOf(() => decodeInferFrame(new Uint8Array(3)))).toBe('BINARY_TOO_SHORT');
    expect(codeOf(() => decodeInferFrame(new Uint8Array(BOUNDS.frameBytes + 1)))).toBe('FRAME_TOO_LARGE');
    expect(codeOf(() => decodeInferFrame(Uint8Array.of(2, 0, 0, 0, 0x7b)))).toBe('BINARY_HEADER_OUT_OF_RANGE');
  });

  test('a message that does not fit is refused by the sender, not one that just does', () => {
    const body = (length: number): Uint8Array => Buffer.alloc(length, 0x20);
    expect(codeOf(() => encodeInferFrame({ body: body(BOUNDS.frameBytes - 4) }))).toBe('ok');
    expect(codeOf(() => encodeInferFrame({ body: body(BOUNDS.frameBytes - 3) }))).toBe('PAYLOAD_TOO_LARGE');
  });
});

describe('encoders refuse', () => {
  const sending = (tensor: Omit<NamedTensor, 'name'>, isBinary = false): ProtocolError | null =>
    faultOf(() =>
      encodeInferResponse({ model_name: 'm', outputs: [{ name: 'y', ...tensor }] }, () => ({
        binary: isBinary,
        nonFinite: 'refuse',
      })),
    );

  test.each<[string, Omit<NamedTensor, 'name'>]>([
    ['FP16', { datatype: 'FP16', shape: [2], data: Uint16Array.of(0, 0x7c00) }],
    ['FP32', { datatype: 'FP32', shape: [2], data: Float32Array.of(0, NaN) }],
    ['FP64', { datatype: 'FP64', shape: [2], data: Float64Array.of(0, -Infinity) }],
  ])('what is not finite in %s as JSON, naming tensor and index', (_, tensor) => {
    expect(sending(tensor)).toMatchObject({ code: 'TENSOR_NOT_FINITE' });
    expect(sending(tensor)?.message).toContain('"y"[1]');
    expect(sending(tensor, true)).toBeNull();
  });

  test('bytes that are no text as JSON, naming tensor and index', () => {
    const tensor = { datatype: 'BYTES', shape: [2], data: [Uint8Array.of(0x61), Uint8Array.of(0xff)] } as const;
    expect(sending(tensor)).toMatchObject({ code: 'TENSOR_BYTES_NOT_UTF8' });
    expect(sending(tensor)?.message).toContain('"y"[1]');
    expect(sending(tensor, true)).toBeNull();
  });

  test.each<[string, Omit<NamedTensor, 'name'>]>([
    ['another array', { datatype: 'FP32', shape: [1], data: Float64Array.of(1) }],
    ['another length', { datatype: 'FP32', shape: [2], data: Float32Array.of(1) }],
    ['an array for BYTES', { datatype: 'BYTES', shape: [1], data: Uint8Array.of(1) }],
    ['a list for BOOL', { datatype: 'BOOL', shape: [1], data: [Uint8Array.of(1)] }],
  ])('%s than datatype and shape say', (_, tensor) => {
    expect([sending(tensor)?.code, sending(tensor, true)?.code]).toEqual(['TENSOR_INVALID', 'TENSOR_INVALID']);
  });

  test('more than the bounds of a message, in binary and in JSON', () => {
    const zeros = new Uint8Array(BOUNDS.inferenceBytes);
    expect(sending({ datatype: 'UINT8', shape: [zeros.length], data: zeros }, true)?.code).toBe('INFERENCE_TOO_LARGE');
    const text = new Uint8Array(BOUNDS.inferenceJsonBytes).fill(0x20);
    expect(sending({ datatype: 'BYTES', shape: [1], data: [text] })?.code).toBe('INFERENCE_TOO_LARGE');
    expect(sending({ datatype: 'BYTES', shape: [1], data: [text] }, true)).toBeNull();
  });

  test('two outputs of one name', () => {
    const y: NamedTensor = { name: 'y', datatype: 'INT8', shape: [], data: Int8Array.of(1) };
    const act = () =>
      encodeInferResponse({ model_name: 'm', outputs: [y, y] }, () => ({ binary: true, nonFinite: 'refuse' }));
    expect(codeOf(act)).toBe('TENSOR_NAME_DUPLICATE');
  });
});
