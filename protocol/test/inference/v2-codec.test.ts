/** Inference messages there and back: every datatype and shape, as JSON, as binary data, mixed, and over MQTT. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeFrame,
  decodeInferFrame,
  decodeInferRequest,
  decodeInferResponse,
  encodeFrame,
  encodeInferFrame,
  encodeInferRequest,
  encodeInferResponse,
  inferRequestSchema,
  isInferFrame,
  outputEncoding,
  ProtocolError,
  tensorsByName,
  type EncodedInference,
  type InferRequest,
  type NamedTensor,
} from '../../src/index.ts';
import { described, tensors } from './arbitrary-tensors.ts';

const JSON_WITH_STRINGS = { binary: false, nonFinite: 'string' } as const;
const BINARY = { binary: true, nonFinite: 'refuse' } as const;
const text = ({ body }: EncodedInference): string => Buffer.from(body).toString();
const request = (body: object | string): InferRequest =>
  decodeInferRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const inputOf = (datatype: string, shape: number[], data: string): NamedTensor =>
  request(`{"inputs":[{"name":"x","shape":[${shape.join()}],"datatype":"${datatype}","data":${data}}]}`)
    .inputs[0] as NamedTensor;
const output = (tensor: Omit<NamedTensor, 'name'>): NamedTensor => ({ name: 'y', ...tensor });
const jsonOf = (tensor: Omit<NamedTensor, 'name'>): string =>
  text(encodeInferResponse({ model_name: 'm', outputs: [output(tensor)] }, () => JSON_WITH_STRINGS));

/** At any offset of a larger buffer, as a body off a socket lies. */
const moved = (bytes: Uint8Array, by: number): Uint8Array => {
  const buffer = Buffer.alloc(bytes.length + by, 0xaa);
  buffer.set(bytes, by);
  return buffer.subarray(by);
};

describe('what is encoded is decoded', () => {
  test('as JSON', () => {
    fc.assert(
      fc.property(tensors(true), (inputs) => {
        const encoded = encodeInferRequest({ id: 'r', inputs }, () => JSON_WITH_STRINGS);
        expect(encoded.headerLength).toBeUndefined();
        const decoded = decodeInferRequest(encoded.body);
        expect(decoded.id).toBe('r');
        expect(described(decoded.inputs)).toEqual(described(inputs));
      }),
      { numRuns: 400 },
    );
  });

  test('as binary data, bit for bit, wherever the body lies', () => {
    fc.assert(
      fc.property(tensors(false), fc.nat({ max: 8 }), (outputs, by) => {
        const { body, headerLength } = encodeInferResponse({ model_name: 'm', outputs }, () => BINARY);
        const decoded = decodeInferResponse(moved(body, by), headerLength);
        expect(described(decoded.outputs)).toEqual(described(outputs));
        const again = encodeInferResponse(decoded, () => BINARY);
        expect(Buffer.compare(again.body, body)).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  test('mixed in one message, over MQTT', () => {
    fc.assert(
      fc.property(tensors(true), fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), (inputs, isBinary) => {
        const binary = new Map(inputs.map(({ name }, index) => [name, isBinary[index] ?? false]));
        const sent = { model_name: 'm', model_version: '3', id: 'q', inputs };
        const frame = encodeInferFrame(
          encodeInferRequest(sent, (name) => ({ binary: binary.get(name) ?? false, nonFinite: 'string' })),
        );
        const { body, headerLength } = decodeInferFrame(frame);
        const received = decodeInferRequest(body, headerLength);
        expect({ ...received, inputs: described(received.inputs) }).toEqual({ ...sent, inputs: described(inputs) });
      }),
      { numRuns: 400 },
    );
  });

  test('what a request says beside its tensors', () => {
    const sent = {
      id: '42',
      parameters: { binary_data_output: true, priority: 1, trace: { span: 'a' } },
      inputs: [{ name: 'x', shape: [1], datatype: 'FP32', parameters: { content_type: 'np' }, data: [1] }],
      outputs: [{ name: 'y', parameters: { binary_data: false, classification: 3 } }],
      unknown_field: 1,
    };
    const { inputs, ...head } = request(sent);
    expect(head).toEqual({ id: '42', parameters: sent.parameters, outputs: sent.outputs });
    expect(inputs[0]?.parameters).toEqual({ content_type: 'np' });
  });

  test('tensors by name, whatever the name', () => {
    const names = Object.entries(
      tensorsByName(
        request(
          `{"inputs":[${['a', '__proto__'].map((name) => `{"name":"${name}","shape":[],"datatype":"INT8","data":[7]}`).join()}]}`,
        ).inputs,
      ),
    );
    expect(names).toEqual([
      ['a', { datatype: 'INT8', shape: [], data: Int8Array.of(7) }],
      ['__proto__', { datatype: 'INT8', shape: [], data: Int8Array.of(7) }],
    ]);
  });
});

describe('JSON in', () => {
  test('nested and flat data are the same', () => {
    const nested = inputOf('INT32', [2, 1, 3], '[[[1,2,3]],[[4,5,6]]]');
    expect(nested.data).toEqual(inputOf('INT32', [2, 1, 3], '[1,2,3,4,5,6]').data);
    expect(inputOf('FP32', [2, 0], '[[],[]]').data).toEqual(new Float32Array(0));
    expect(inputOf('FP32', [2, 0], '[]').data).toEqual(new Float32Array(0));
    expect(inputOf('FP64', [], '5').data).toEqual(inputOf('FP64', [], '[5]').data);
  });

  test('64-bit integers are exact to their ends', () => {
    expect(inputOf('INT64', [5], '[9007199254740993,-9223372036854775808,9223372036854775807,-0,1.0]').data).toEqual(
      BigInt64Array.of(9_007_199_254_740_993n, -(2n ** 63n), 2n ** 63n - 1n, 0n, 1n),
    );
    expect(inputOf('UINT64', [2, 1], '[[18446744073709551615],[9007199254740992]]').data).toEqual(
      BigUint64Array.of(2n ** 64n - 1n, 2n ** 53n),
    );
  });

  test('exact digits of one tensor leave the others as they are', () => {
    const { inputs, parameters } = request(
      '{"parameters":{"big":12345678901234567},"inputs":[{"name":"a","shape":[1],"datatype":"FP64","data":[12345678901234567]},{"name":"b","shape":[1],"datatype":"INT64","data":[12345678901234567]}]}',
    );
    expect(inputs.map(({ data }) => data)).toEqual([
      Float64Array.of(12_345_678_901_234_568),
      BigInt64Array.of(12_345_678_901_234_567n),
    ]);
    expect(parameters).toEqual({ big: 12_345_678_901_234_568 });
  });

  test('BOOL as words or as numbers', () => {
    expect(inputOf('BOOL', [4], '[true,0,1,false]').data).toEqual(Uint8Array.of(1, 0, 1, 0));
  });

  test('floats: rounded to the datatype, names for what is not finite, -0', () => {
    expect(inputOf('FP16', [6], '[1,-0,65504,5.9e-8,"NaN","-Infinity"]').data).toEqual(
      Uint16Array.of(0x3c00, 0x8000, 0x7bff, 1, 0x7e00, 0xfc00),
    );
    expect(inputOf('FP32', [4], '[0.1,-0,"Infinity","NaN"]').data).toEqual(Float32Array.of(0.1, -0, Infinity, NaN));
    expect(inputOf('FP32', [1], '[3.40282356e38]').data).toEqual(Float32Array.of(3.4028234663852886e38));
  });

  test('white space, escapes, and bytes beyond ASCII', () => {
    expect(inputOf('BYTES', [3], ' [ "\\ud83d\\ude00" , "\\u0000" , "ü" ] ').data).toEqual([
      Uint8Array.of(0xf0, 0x9f, 0x98, 0x80),
      Uint8Array.of(0),
      Uint8Array.of(0xc3, 0xbc),
    ]);
  });
});

describe('JSON out', () => {
  test('the object clients know, in its order', () => {
    const outputs: NamedTensor[] = [
      { name: 'y', shape: [1, 2], datatype: 'FP32', data: Float32Array.of(0.1, 2) },
      { name: 'z', shape: [], datatype: 'BOOL', data: Uint8Array.of(1), parameters: { note: 'n' } },
    ];
    const response = { model_name: 'm', model_version: '1', id: '42', parameters: { source: 'edge' }, outputs };
    expect(text(encodeInferResponse(response, () => ({ binary: false, nonFinite: 'refuse' })))).toBe(
      '{"model_name":"m","model_version":"1","id":"42","parameters":{"source":"edge"},"outputs":[' +
        '{"name":"y","shape":[1,2],"datatype":"FP32","data":[0.1,2]},' +
        '{"name":"z","shape":[],"datatype":"BOOL","parameters":{"note":"n"},"data":[true]}]}',
    );
  });

  test.each<[string, Omit<NamedTensor, 'name'>, string]>([
    [
      'FP16',
      { datatype: 'FP16', shape: [4], data: Uint16Array.of(0x3c00, 0x8000, 1, 0x2e66) },
      '[1,-0,5.960464477539063e-8,0.0999755859375]',
    ],
    ['FP32', { datatype: 'FP32', shape: [3], data: Float32Array.of(-0, 1e-45, 1e21) }, '[-0,1e-45,1e+21]'],
    ['FP64', { datatype: 'FP64', shape: [3], data: Float64Array.of(-0, 0.1, 5e-324) }, '[-0,0.1,5e-324]'],
    [
      'not finite',
      { datatype: 'FP64', shape: [3], data: Float64Array.of(NaN, Infinity, -Infinity) },
      '["NaN","Infinity","-Infinity"]',
    ],
    [
      'not finite in half',
      { datatype: 'FP16', shape: [2], data: Uint16Array.of(0x7c01, 0xfc00) },
      '["NaN","-Infinity"]',
    ],
    [
      'INT64',
      { datatype: 'INT64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 9_007_199_254_740_993n) },
      '[-9223372036854775808,9007199254740993]',
    ],
    ['UINT64', { datatype: 'UINT64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) }, '[18446744073709551615]'],
    ['INT8', { datatype: 'INT8', shape: [2], data: Int8Array.of(-128, 127) }, '[-128,127]'],
    ['BYTES', { datatype: 'BYTES', shape: [2], data: [Buffer.from('\ufeffa"'), Buffer.from('')] }, '["\ufeffa\\"",""]'],
    [
      'specials among numbers',
      { datatype: 'FP32', shape: [7], data: Float32Array.of(NaN, -0, 1.5, 2, -Infinity, 0, 0.1) },
      '["NaN",-0,1.5,2,"-Infinity",0,0.1]',
    ],
    ['nothing', { datatype: 'FP32', shape: [0, 3], data: new Float32Array(0) }, '[]'],
  ])('%s', (_, tensor, data) => {
    expect(jsonOf(tensor)).toContain(`"data":${data}}`);
  });

  test('each output leaves as the request wants it', () => {
    const asked = inferRequestSchema.parse({
      parameters: { binary_data_output: true, non_finite: 'string' },
      inputs: [],
      outputs: [{ name: 'a' }, { name: 'b', parameters: { binary_data: false, non_finite: 'refuse' } }],
    });
    const encodings = ['a', 'b', 'c'].map((name) => outputEncoding({ ...asked, inputs: [] }, name));
    expect(encodings).toEqual([
      { binary: true, nonFinite: 'string' },
      { binary: false, nonFinite: 'refuse' },
      { binary: true, nonFinite: 'string' },
    ]);
    expect(outputEncoding({ inputs: [] }, 'a')).toEqual({ binary: false, nonFinite: 'refuse' });
  });
});

describe('binary', () => {
  const x = { name: 'x', shape: [2], datatype: 'UINT16', parameters: { binary_data_size: 4 } };
  const names = { name: 's', shape: [2], datatype: 'BYTES', parameters: { binary_data_size: 11, k: 1 } };

  test('bytes as other clients send them', () => {
    const header = Buffer.from(
      JSON.stringify({ inputs: [x, { ...x, name: 'j', parameters: {}, data: [1, 2] }, names] }),
    );
    const tail = [0x01, 0x02, 0xff, 0x00, 3, 0, 0, 0, 0x61, 0xff, 0x62, 0, 0, 0, 0];
    const { inputs } = decodeInferRequest(Buffer.concat([header, Uint8Array.from(tail)]), header.length);
    expect(inputs.map(({ data }) => data)).toEqual([
      Uint16Array.of(0x0201, 0x00ff),
      Uint16Array.of(1, 2),
      [Uint8Array.of(0x61, 0xff, 0x62), Uint8Array.of()],
    ]);
    expect(inputs.map(({ parameters }) => parameters)).toEqual([undefined, {}, { k: 1 }]);
  });

  test('elements of BYTES are plain arrays, whose slice is a copy', () => {
    const header = Buffer.from(JSON.stringify({ inputs: [names] }));
    const body = Buffer.concat([header, Uint8Array.from([3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0])]);
    const element = decodeInferRequest(body, header.length).inputs.flatMap(({ data }) => Array.from<unknown>(data))[0];
    expect(Object.getPrototypeOf(element)).toBe(Uint8Array.prototype);
  });
});

describe('over MQTT', () => {
  test('tensors start aligned, and no frame starts as JSON does', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (id) => {
        const inputs: NamedTensor[] = [{ name: 'x', shape: [1], datatype: 'FP64', data: Float64Array.of(1) }];
        const frame = encodeInferFrame(encodeInferRequest({ id, inputs }, () => BINARY));
        expect(isInferFrame(frame)).toBe(true);
        expect(frame.length % 8).toBe(0);
        expect(() => decodeFrame(frame)).toThrow(ProtocolError);
      }),
    );
    expect(isInferFrame(encodeFrame({ outcome: 'failed' }))).toBe(false);
    expect(isInferFrame(encodeFrame({ padding: 'x'.repeat(3_000) }))).toBe(false);
  });
});
