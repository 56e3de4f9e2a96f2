import { describe, expect, test } from '@jest/globals';
import type { Tensor } from '@shoal/protocol';
import fc from 'fast-check';
import { checkGolden, goldenSchema, tensorDifference, tensorFromStored, tensorToStored } from '@shoal/models';
import { codeOf } from '../conditions.ts';

const column = (...data: number[]): Tensor => ({
  datatype: 'FP32',
  shape: [data.length],
  data: Float32Array.from(data),
});
const tolerance = { absolute: 0.01, relative: 0.1 };

describe('golden vectors', () => {
  test('agree within absolute plus relative tolerance', () => {
    expect(tensorDifference(column(10.9), column(10), tolerance)).toBeNull();
    expect(tensorDifference(column(1, 11.5), column(1, 10), tolerance)).toContain('[1]');
    expect(tensorDifference(column(Number.NaN), column(1), tolerance)).not.toBeNull();
    expect(tensorDifference(column(Infinity), column(Infinity), tolerance)).toBeNull();
  });

  test('differ by presence, datatype and shape before values', () => {
    expect(tensorDifference(undefined, column(1), tolerance)).toBe('is missing');
    expect(tensorDifference({ ...column(1), datatype: 'FP64' }, column(1), tolerance)).toBe('is FP64, not FP32');
    expect(tensorDifference({ ...column(1), shape: [1, 1] }, column(1), tolerance)).toBe('has shape [1,1], not [1]');
  });

  test('may be stricter for one engine', async () => {
    const golden = goldenSchema.parse({
      tolerance: { default: { absolute: 1, relative: 0 }, engines: { 'wasm-child': { absolute: 0, relative: 0 } } },
      cases: [{ name: 'one', inputs: {}, outputs: { y: tensorToStored(column(1)) } }],
    });
    const subject = { infer: () => Promise.resolve({ outputs: { y: column(1.5) } }) };
    expect(await codeOf(checkGolden(subject, golden, 'native-child'))).toBe('resolved');
    expect(await codeOf(checkGolden(subject, golden, 'wasm-child'))).toBe('GOLDEN_MISMATCH');
  });

  test('keep every kind of tensor exactly in JSON, but for the sign of zero', () => {
    const tensors: fc.Arbitrary<Tensor> = fc.oneof(
      fc
        .float32Array({ noNaN: true, noDefaultInfinity: true })
        .map((data) => ({ datatype: 'FP32' as const, shape: [data.length], data })),
      fc
        .float64Array({ noNaN: true, noDefaultInfinity: true })
        .map((data) => ({ datatype: 'FP64' as const, shape: [data.length], data })),
      fc.bigInt64Array().map((data) => ({ datatype: 'INT64' as const, shape: [data.length], data })),
      fc.bigUint64Array().map((data) => ({ datatype: 'UINT64' as const, shape: [data.length], data })),
      fc.uint16Array().map((data) => ({ datatype: 'FP16' as const, shape: [data.length], data })),
      fc.array(fc.string({ unit: 'binary' })).map((texts) => ({
        datatype: 'BYTES' as const,
        shape: [texts.length],
        data: texts.map((text) => new TextEncoder().encode(text)),
      })),
    );
    fc.assert(
      fc.property(tensors, (tensor) => {
        const read = tensorFromStored(JSON.parse(JSON.stringify(tensorToStored(tensor))));
        const positive = (one: Tensor) =>
          Array.from<unknown>(one.data).map((value) => (Object.is(value, -0) ? 0 : value));
        expect({ ...read, data: positive(read) }).toEqual({ ...tensor, data: positive(tensor) });
      }),
    );
  });
});
