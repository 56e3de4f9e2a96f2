import { describe, expect, test } from '@jest/globals';
import type { Tensor, Tensors } from '@shoal/protocol';
import fc from 'fast-check';
import { checkSignature } from '../../src/engine/check-signature.ts';
import { checkInputs, checkOutputs, copyTensors } from '../../src/engine/check-tensors.ts';
import { joinRows, rowCount, splitRows } from '../../src/engine/rows.ts';
import { thrownCode } from '../conditions.ts';

const signature = {
  inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 2] }],
  outputs: [{ name: 'y', datatype: 'FP16' as const, shape: [-1] }],
  nonFiniteInputs: 'refuse' as const,
  nonFiniteOutputs: 'refuse' as const,
};
const good: Tensor = { datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) };
const inputCode = (inputs: Tensors, maxBytes = 1_000) => thrownCode(() => checkInputs(inputs, signature, maxBytes));
const half = (...bits: number[]): Tensors => ({
  y: { datatype: 'FP16', shape: [bits.length], data: Uint16Array.from(bits) },
});

describe('checks of tensors', () => {
  test('name what is wrong with an input', () => {
    expect(inputCode({ x: good })).toBe('returned');
    expect(inputCode({})).toBe('INPUT_MISSING');
    expect(inputCode({ x: good, extra: good })).toBe('INPUT_UNKNOWN');
    expect(inputCode({ x: { ...good, datatype: 'FP64' } })).toBe('INPUT_DATATYPE_INVALID');
    expect(inputCode({ x: { ...good, data: Float64Array.of(1, 2) } })).toBe('INPUT_DATATYPE_INVALID');
    expect(inputCode({ x: { ...good, shape: [2] } })).toBe('INPUT_SHAPE_INVALID');
    expect(inputCode({ x: { ...good, shape: [1, 3] } })).toBe('INPUT_SHAPE_INVALID');
    expect(inputCode({ x: { ...good, shape: [-1, 2] } })).toBe('INPUT_SHAPE_INVALID');
    expect(inputCode({ x: { ...good, shape: [2, 2] } })).toBe('INPUT_SHAPE_INVALID');
    expect(inputCode({ x: { ...good, data: Float32Array.of(1, Number.NaN) } })).toBe('INPUT_NOT_FINITE');
    expect(inputCode({ x: good }, 7)).toBe('INPUT_TOO_LARGE');
  });

  test('are not taken in by names of the prototype', () => {
    const toString = { ...signature, inputs: [{ name: 'toString', datatype: 'FP32' as const, shape: [] }] };
    expect(thrownCode(() => checkInputs({}, toString, 10))).toBe('INPUT_MISSING');
  });

  test('name what is wrong with an output', () => {
    expect(thrownCode(() => checkOutputs(half(0x3c00), signature))).toBe('returned');
    expect(thrownCode(() => checkOutputs(half(0x7c00), signature))).toBe('OUTPUT_NOT_FINITE');
    expect(thrownCode(() => checkOutputs({}, signature))).toBe('OUTPUT_MISMATCH');
    expect(thrownCode(() => checkOutputs({ y: good }, signature))).toBe('OUTPUT_MISMATCH');
  });

  test('let a manifest pin a free dimension of the model and never free a pinned one', () => {
    const spec = (shape: number[]) => ({ inputs: [{ name: 'x', datatype: 'FP32' as const, shape }], outputs: [] });
    const declared = (shape: number[]) => ({ ...signature, ...spec(shape) });
    expect(thrownCode(() => checkSignature(spec([-1, 2]), declared([4, 2])))).toBe('returned');
    expect(thrownCode(() => checkSignature(spec([4, 2]), declared([-1, 2])))).toBe('MODEL_SIGNATURE_MISMATCH');
    expect(thrownCode(() => checkSignature(spec([-1, 2]), signature))).toBe('MODEL_SIGNATURE_MISMATCH');
  });

  test('copy so deep that no later write is seen', () => {
    const copy = copyTensors({ x: good });
    expect(copy).toEqual({ x: good });
    expect(copy['x']?.data).not.toBe(good.data);
    const words: Tensor = { datatype: 'BYTES', shape: [1], data: [Uint8Array.of(1)] };
    expect(copyTensors({ words })['words']?.data[0]).not.toBe(words.data[0]);
  });
});

describe('rows of a batch', () => {
  test('are the batch again when they are joined', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 }), (rows, width) => {
        const data = Float32Array.from({ length: rows * width }, (_, i) => i);
        const inputs: Tensors = {
          x: { datatype: 'FP32', shape: [rows, width], data },
          words: { datatype: 'BYTES', shape: [rows], data: Array.from({ length: rows }, (_, i) => Uint8Array.of(i)) },
        };
        const specs = [{ name: 'x', datatype: 'FP32' as const, shape: [-1, width] }];
        const split = splitRows(inputs, { ...signature, inputs: specs });
        expect(split).toHaveLength(rows);
        expect(joinRows(split)).toEqual(inputs);
      }),
    );
  });

  test('cannot be had from a model with a fixed batch', () => {
    const fixed = { ...signature, outputs: [{ name: 'y', datatype: 'FP16' as const, shape: [3] }] };
    const inputs = { x: { datatype: 'FP32' as const, shape: [3, 2], data: new Float32Array(6) } };
    expect(rowCount(inputs, fixed)).toBe(1);
    expect(splitRows(inputs, fixed)).toEqual([inputs]);
  });
});
