/** What inference messages in JSON refuse, each by name: the malformed bodies that servers of this protocol are known to meet. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BOUNDS, decodeInferFrame, decodeInferRequest, decodeInferResponse } from '../../src/index.ts';
import { announced, codeOf, faultOf, rawRequest, x } from './malformed-requests.ts';

const decoding = (document: object | string): string =>
  codeOf(() => decodeInferRequest(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document))));

const input = (change: object): object => ({ inputs: [{ ...x, ...change }] });

describe('JSON', () => {
  test.each<[string, object | string, string]>([
    ['nothing', '', 'PAYLOAD_NOT_JSON'],
    ['half an object', '{"inputs":[', 'PAYLOAD_NOT_JSON'],
    ['NaN as a bare word', rawRequest('FP32', '[1]', '[NaN]'), 'PAYLOAD_NOT_JSON'],
    ['an array', '[]', 'SCHEMA_INVALID'],
    ['no inputs', {}, 'SCHEMA_INVALID'],
    ['an id that is no string', { id: 42, inputs: [] }, 'SCHEMA_INVALID'],
    ['an unknown way of non_finite', { parameters: { non_finite: 'null' }, inputs: [] }, 'SCHEMA_INVALID'],
    ['json_recursion_depth_limit', rawRequest('FP32', '[1]', '['.repeat(33) + ']'.repeat(33)), 'PAYLOAD_TOO_DEEP'],
    ['a depth of a hundred thousand', '{"inputs":'.repeat(100_000), 'PAYLOAD_TOO_DEEP'],
    ['too many inputs', { inputs: Array(BOUNDS.tensorsPerMessage + 1).fill(x) }, 'SCHEMA_INVALID'],
    ['the same input twice', { inputs: [x, x] }, 'TENSOR_NAME_DUPLICATE'],
    ['duplicate_output_names', { inputs: [x], outputs: [{ name: 'y' }, { name: 'y' }] }, 'TENSOR_NAME_DUPLICATE'],
    ['an empty name', input({ name: '' }), 'SCHEMA_INVALID'],
    ['no data', input({ data: undefined }), 'TENSOR_DATA_MISSING'],
    ['data twice', input({ parameters: { binary_data_size: 8 } }), 'TENSOR_DATA_MISSING'],
    ['an unknown datatype', input({ datatype: 'BF16' }), 'TENSOR_DATATYPE_UNKNOWN'],
    ['a datatype in lower case', input({ datatype: 'fp32' }), 'TENSOR_DATATYPE_UNKNOWN'],
    ['no datatype', input({ datatype: undefined }), 'TENSOR_DATATYPE_UNKNOWN'],
    ['negative_dimensions', input({ shape: [-2] }), 'TENSOR_SHAPE_INVALID'],
    ['two negative dimensions', input({ shape: [-1, -2] }), 'TENSOR_SHAPE_INVALID'],
    ['a fractional dimension', input({ shape: [1.5] }), 'TENSOR_SHAPE_INVALID'],
    ['a dimension as text', input({ shape: ['2'] }), 'TENSOR_SHAPE_INVALID'],
    ['a dimension beyond 2^53', rawRequest('INT8', '[9007199254740993]', '[1]'), 'TENSOR_SHAPE_INVALID'],
    ['a product beyond 2^53', rawRequest('INT8', '[4294967296,4294967296]', '[1]'), 'TENSOR_SHAPE_INVALID'],
    ['a product of 2^64 that wraps to 0', rawRequest('INT8', '[4294967296,4294967296]', '[]'), 'TENSOR_SHAPE_INVALID'],
    ['more dimensions than the bound', input({ shape: Array(17).fill(1) }), 'TENSOR_SHAPE_INVALID'],
    ['no shape', input({ shape: undefined }), 'TENSOR_SHAPE_INVALID'],
    ['a giant tensor announced', rawRequest('FP64', '[1073741824]', '[1]'), 'INFERENCE_TOO_LARGE'],
    ['a giant tensor of BYTES', rawRequest('BYTES', `[${BOUNDS.bytesElements + 1}]`, '[""]'), 'INFERENCE_TOO_LARGE'],
    ['too few elements', input({ shape: [3] }), 'TENSOR_SIZE_MISMATCH'],
    ['too many elements', input({ shape: [1] }), 'TENSOR_SIZE_MISMATCH'],
    ['elements for an empty shape', input({ shape: [2, 0] }), 'TENSOR_SIZE_MISMATCH'],
    ['a scalar in two brackets', rawRequest('INT8', '[]', '[[1]]'), 'TENSOR_SIZE_MISMATCH'],
    ['no array', rawRequest('INT8', '[1]', '1'), 'TENSOR_SIZE_MISMATCH'],
    ['null', rawRequest('INT8', '[1]', 'null'), 'TENSOR_SIZE_MISMATCH'],
    ['nested as another shape', rawRequest('INT8', '[2,3]', '[[1,2],[3,4],[5,6]]'), 'TENSOR_SIZE_MISMATCH'],
    ['ragged', rawRequest('INT8', '[2,2]', '[[1,2],[3]]'), 'TENSOR_SIZE_MISMATCH'],
    ['nested and flat at once', rawRequest('INT8', '[2,1]', '[[1],2]'), 'TENSOR_SIZE_MISMATCH'],
    ['flat and nested at once', rawRequest('INT8', '[2]', '[1,[2]]'), 'TENSOR_VALUE_INVALID'],
    [
      'an announced size below zero',
      input({ data: undefined, parameters: { binary_data_size: -1 } }),
      'TENSOR_SIZE_MISMATCH',
    ],
    [
      'an announced size and no binary part',
      input({ data: undefined, parameters: { binary_data_size: 8 } }),
      'BINARY_TOO_SHORT',
    ],
  ])('%s', (_, document, code) => {
    expect(decoding(document)).toBe(code);
  });

  test.each([
    ['INT8', '128'],
    ['INT8', '-129'],
    ['UINT8', '-1'],
    ['UINT8', '256'],
    ['UINT16', '65536'],
    ['INT32', '2147483648'],
    ['UINT32', '4294967296'],
    ['UINT32', '1.5'],
    ['INT16', '"1"'],
    ['INT16', 'true'],
    ['INT16', 'null'],
    ['INT32', '{"valueOf":1,"toString":1}'],
    ['INT64', '9223372036854775808'],
    ['INT64', '-9223372036854775809'],
    ['INT64', '0.5'],
    ['INT64', '1e30'],
    ['INT64', '9007199254740993e0'],
    ['INT64', '"1"'],
    ['UINT64', '-1'],
    ['UINT64', '18446744073709551616'],
    ['UINT64', '123456789012345678901234567890'],
    ['FP16', '65520'],
    ['FP32', '3.5e38'],
    ['FP64', '1e400'],
    ['FP64', '"nan"'],
    ['FP32', '""'],
    ['FP32', 'null'],
    ['FP32', 'false'],
    ['INT32', '"NaN"'],
    ['BOOL', '2'],
    ['BOOL', '"true"'],
    ['BYTES', '1'],
    ['BYTES', 'null'],
  ])('%s does not hold %s', (datatype, value) => {
    const fault = faultOf(() => decodeInferRequest(Buffer.from(rawRequest(datatype, '[1]', `[${value}]`))));
    expect(fault?.code).toBe('TENSOR_VALUE_INVALID');
    expect(fault?.message).toContain('"x"[0]');
  });

  test('half a character is no BYTES element', () => {
    expect(decoding(rawRequest('BYTES', '[1]', '["\\ud800"]'))).toBe('TENSOR_BYTES_NOT_UTF8');
  });

  test('bytes that are no UTF-8', () => {
    expect(codeOf(() => decodeInferRequest(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)))).toBe(
      'PAYLOAD_NOT_JSON',
    );
  });

  test('a JSON part over its bound', () => {
    expect(codeOf(() => decodeInferRequest(Buffer.alloc(BOUNDS.inferenceJsonBytes + 1, 0x20)))).toBe(
      'INFERENCE_TOO_LARGE',
    );
    expect(codeOf(() => decodeInferRequest(Buffer.alloc(BOUNDS.inferenceBytes + 1), 1))).toBe('INFERENCE_TOO_LARGE');
  });

  test('a response without its model', () => {
    expect(codeOf(() => decodeInferResponse(Buffer.from('{"outputs":[]}')))).toBe('SCHEMA_INVALID');
  });
});

describe('any bytes are an answer or a named error', () => {
  const seeds = [
    rawRequest('INT64', '[2]', '[9007199254740993,1]'),
    rawRequest('FP32', '[2,1]', '[[1.5],["NaN"]]'),
    rawRequest('BYTES', '[1]', '["ü"]'),
    JSON.stringify({
      id: 'q',
      parameters: { binary_data_output: true },
      inputs: [announced({}, 8)],
      outputs: [{ name: 'y' }],
    }) + '\0'.repeat(8),
  ].map((text) => Buffer.from(text));

  test('mutants of good requests, at any header length', () => {
    const edit = fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(edit, { maxLength: 4 }),
        fc.nat({ max: 300 }),
        (seed, edits, cut) => {
          const body = Uint8Array.from(seed);
          for (const [index, byte] of edits) if (index < body.length) body[index] = byte;
          for (const length of [undefined, cut, body.length - 8])
            expect(codeOf(() => decodeInferRequest(body, length))).toMatch(/^(ok|[A-Z0-9_]+)$/);
          expect(codeOf(() => decodeInferFrame(body))).toMatch(/^(ok|[A-Z0-9_]+)$/);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
