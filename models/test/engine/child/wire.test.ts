import { describe, expect, test } from '@jest/globals';
import type { Tensor } from '@shoal/protocol';
import fc from 'fast-check';
import type { ChildAnswer, ChildRequest } from '../../../src/engine/child/framing.ts';
import { answerBytes } from '../../../src/engine/session/answer-bytes.ts';
import { decodeFrame, encodeFrame, FrameAssembler, mostFrameBytes } from '../../../src/engine/child/wire.ts';

const arrays: fc.Arbitrary<Pick<Tensor, 'datatype' | 'data'>> = fc.oneof(
  fc.float32Array({ maxLength: 9 }).map((data) => ({ datatype: 'FP32' as const, data })),
  fc.float64Array({ maxLength: 9 }).map((data) => ({ datatype: 'FP64' as const, data })),
  fc.bigInt64Array({ maxLength: 9 }).map((data) => ({ datatype: 'INT64' as const, data })),
  fc.uint16Array({ maxLength: 9 }).map((data) => ({ datatype: 'FP16' as const, data })),
  fc.uint8Array({ maxLength: 9 }).map((data) => ({ datatype: 'BOOL' as const, data })),
  fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 }).map((data) => ({ datatype: 'BYTES' as const, data })),
);
const tensors = fc.dictionary(
  fc.string({ minLength: 1, unit: 'grapheme' }).filter((name) => name !== '__proto__'),
  arrays.map((of): Tensor => ({ ...of, shape: [of.data.length] })),
  { maxKeys: 4, noNullPrototype: true },
);
const infer = tensors.map((inputs): ChildRequest => ({
  type: 'infer',
  id: 7,
  model: 'm',
  inputs,
  outputs: ['y'],
  maxAnswerBytes: 1_000,
}));
const inferred = tensors.map((outputs): ChildAnswer => ({ type: 'inferred', id: 7, outputs, elapsedMs: 0.25 }));

/** A frame cut into chunks at any places. */
const chunksOf = (frame: Uint8Array, cuts: readonly number[]): Buffer[] => {
  const places = [...new Set(cuts.map((cut) => cut % frame.byteLength))].toSorted((a, b) => a - b);
  return [...places, frame.byteLength].map((end, i) => Buffer.from(frame.slice(places[i - 1] ?? 0, end)));
};

describe('a message on the socket of an engine process', () => {
  test('arrives as it was sent, bit for bit, however the socket cuts it', () => {
    fc.assert(
      fc.property(fc.oneof(infer, inferred), fc.array(fc.nat(), { maxLength: 6 }), (message, cuts) => {
        const assembler = new FrameAssembler();
        const frames = chunksOf(encodeFrame(message), cuts).flatMap((chunk) => assembler.add(chunk) ?? []);
        expect(frames.map((frame) => decodeFrame(frame))).toEqual([message]);
      }),
    );
  });

  test('arrives whole beside another in one chunk', () => {
    const [hello, gone] = [{ type: 'hello', runtime: 'r' } as const, { type: 'unloaded', id: 3 } as const];
    const both = Buffer.concat([encodeFrame(hello), encodeFrame(gone)]);
    const frames = new FrameAssembler().add(both) ?? [];
    expect(frames.map((frame) => decodeFrame(frame))).toEqual([hello, gone]);
  });

  test('is none when its length cannot be one', () => {
    for (const size of [0, 7, 0xffff_ffff]) {
      const chunk = Buffer.alloc(64);
      chunk.writeUInt32LE(size, 0);
      expect(new FrameAssembler().add(chunk)).toBeNull();
    }
  });

  test('is not waited for when it would be larger than what was asked can bring', () => {
    const call = { type: 'infer', model: 'm', inputs: {}, outputs: ['y'], maxAnswerBytes: 100_000 } as const;
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32LE(mostFrameBytes(call) + 1, 0);
    const assembler = new FrameAssembler();
    assembler.mostBytes = mostFrameBytes(call);
    expect(assembler.add(prefix)).toBeNull();
    // A process that was asked nothing has nothing to say that is large.
    prefix.writeUInt32LE(mostFrameBytes(call), 0);
    expect(new FrameAssembler().add(prefix)).toBeNull();
    expect(mostFrameBytes({ ...call, maxAnswerBytes: Infinity })).toBeLessThan(2 ** 31);
  });

  test('may be as large as it was allowed to be, whatever it is made of', () => {
    const fits = (outputs: Record<string, Tensor>): void => {
      const call = {
        type: 'infer',
        model: 'm',
        inputs: {},
        outputs: ['y'],
        maxAnswerBytes: answerBytes(outputs),
      } as const;
      const frame = Buffer.from(encodeFrame({ type: 'inferred', id: 1, elapsedMs: 1, outputs }));
      const assembler = new FrameAssembler();
      assembler.mostBytes = mostFrameBytes(call);
      expect(assembler.add(frame)).toHaveLength(1);
    };
    const count = 100_000;
    fits({ y: { datatype: 'FP32', shape: [count], data: new Float32Array(count) } });
    fits({ y: { datatype: 'BYTES', shape: [count], data: Array.from({ length: count }, () => new Uint8Array(12)) } });
  });

  test('is none when data is missing, sizes are none or the head is no JSON, and no byte of it throws', () => {
    const frame = Buffer.from(
      encodeFrame({
        type: 'inferred',
        id: 1,
        elapsedMs: 1,
        outputs: { y: { datatype: 'FP32', shape: [4], data: new Float32Array(4) } },
      }),
    );
    expect(decodeFrame(frame.subarray(0, frame.byteLength - 16))).toBeNull();
    const swapped = (from: string, to: string): unknown =>
      decodeFrame(Buffer.from(frame.toString('latin1').replace(from, to), 'latin1'));
    expect(swapped('"sizes":16', '"sizes":-6')).toBeNull();
    expect(swapped('"sizes":16', '"sizes":15')).toBeNull();
    expect(swapped('"FP32"', '"FP99"')).toBeNull();
    expect(swapped('{"type"', '["type"')).toBeNull();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void decodeFrame(Buffer.from(bytes))));
  });
});
