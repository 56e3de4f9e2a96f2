import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { createNativeEngine, createTfjsEngine, createWasmEngine } from '@shoal/models';
import { writeOnnx } from '../../train/onnx-writer.ts';
import { codeOf } from '../conditions.ts';
import { BundleShelf, identityPlan, type BundlePlan } from '../test-bundles.ts';
import { tfjsIdentityPlan } from '../tfjs-models.ts';

jest.setTimeout(120_000);
const shelf = new BundleShelf();
const tfjs = createTfjsEngine();
const engines = [createNativeEngine(), createWasmEngine()];
afterAll(async () => {
  await Promise.all([...engines, tfjs].map((engine) => engine.close()));
  await shelf.dispose();
});

/** The sum of each row. */
const SUMMING: BundlePlan = {
  model: writeOnnx({
    name: 'summing',
    inputs: [{ name: 'x', element: 'FP64', shape: [3, 4] }],
    outputs: [{ name: 'score', element: 'FP64', shape: [3] }],
    nodes: [{ op: 'ReduceSum', inputs: ['x', 'axes'], outputs: ['score'], attributes: { keepdims: { int: 0 } } }],
    initializers: { axes: { element: 'INT64', shape: [1], values: [1] } },
  }),
  manifest: {
    signature: {
      inputs: [{ name: 'x', datatype: 'FP64', shape: [3, 4] }],
      outputs: [{ name: 'score', datatype: 'FP64', shape: [3] }],
      nonFiniteInputs: 'refuse',
      nonFiniteOutputs: 'refuse',
    },
  },
};

const CASES = [
  ['BOOL', Uint8Array.of(1, 0, 1)],
  ['UINT8', Uint8Array.of(0, 255)],
  ['UINT16', Uint16Array.of(0, 65_535)],
  ['UINT32', Uint32Array.of(0, 4_294_967_295)],
  ['UINT64', BigUint64Array.of(0n, 18_446_744_073_709_551_615n)],
  ['INT8', Int8Array.of(-128, 127)],
  ['INT16', Int16Array.of(-32_768, 32_767)],
  ['INT32', Int32Array.of(-2_147_483_648, 2_147_483_647)],
  ['INT64', BigInt64Array.of(-9_007_199_254_740_993n, 9_223_372_036_854_775_807n)],
  ['FP16', Uint16Array.of(0x3c00, 0xc000, 0x7bff)],
  ['FP32', Float32Array.of(0.1, -3e38)],
  ['FP64', Float64Array.of(0.1, 1e300)],
  ['BYTES', [new TextEncoder().encode('pump'), new TextEncoder().encode('für')]],
] as const;

describe.each(engines.map((engine) => [engine.kind, engine] as const))('%s', (_kind, engine) => {
  test.each(CASES)('carries %s exactly', async (datatype, data) => {
    const model = await engine.load(await shelf.bundle(identityPlan(datatype)));
    const { outputs } = await model.infer({ x: { datatype, shape: [data.length], data } });
    expect(outputs['score']).toEqual({ datatype, shape: [data.length], data });
  });

  test.each(CASES)('carries no %s at all, and one without a dimension', async (datatype, data) => {
    for (const [shape, length] of [
      [[0, 2], 0],
      [[], 1],
    ] as const) {
      const model = await engine.load(await shelf.bundle(identityPlan(datatype, shape)));
      const tensor = { datatype, shape: [...shape], data: data.slice(0, length) };
      expect((await model.infer({ x: tensor })).outputs['score']).toEqual(tensor);
    }
  });

  test.each([
    ['FP16', Uint16Array.of(0x7e01, 0x7c00, 0xfc00, 0x8000)],
    ['FP32', new Float32Array(Uint32Array.of(0x7fc0_1234, 0x7f80_0000, 0xff80_0000, 0x8000_0000).buffer)],
    ['FP64', Float64Array.of(NaN, Infinity, -Infinity, -0)],
  ] as const)('carries what is not finite in %s to the bit', async (datatype, data) => {
    const model = await engine.load(await shelf.bundle(identityPlan(datatype, [-1], 'allow')));
    const { outputs } = await model.infer({ x: { datatype, shape: [4], data } });
    const bits = outputs['score']?.data as Uint16Array;
    expect(Buffer.from(bits.buffer, bits.byteOffset, bits.byteLength)).toEqual(Buffer.from(data.buffer));
  });

  test('carries text with a byte order mark and of many planes, and refuses what is no text', async () => {
    const model = await engine.load(await shelf.bundle(identityPlan('BYTES')));
    const texts = ['\uFEFFmark', '𝄞 clef', 'line\nbreak'].map((text) => new Uint8Array(Buffer.from(text, 'utf8')));
    const given = { datatype: 'BYTES', shape: [3], data: texts } as const;
    expect((await model.infer({ x: given })).outputs['score']).toEqual(given);
    const noText = { datatype: 'BYTES', shape: [1], data: [Uint8Array.of(0xff)] } as const;
    await expect(model.infer({ x: noText })).rejects.toMatchObject({ code: 'INPUT_BYTES_NOT_UTF8' });
  });

  test('sums to the same bits wherever the memory of the input begins', async () => {
    const model = await engine.load(await shelf.bundle(SUMMING));
    const values = Float64Array.from({ length: 3 * 4 }, (_, i) => Math.sin(i) * 10 ** (i % 5));
    const sums = [];
    for (const offset of [0, 1, 2, 3]) {
      const x = new Float64Array(new ArrayBuffer(200), offset * 8, values.length);
      x.set(values);
      sums.push((await model.infer({ x: { datatype: 'FP64', shape: [3, 4], data: x } })).outputs['score']?.data);
    }
    expect(new Set(sums.map((sum) => Array.from(sum as Float64Array).join())).size).toBe(1);
  });
});

describe('tfjs-child', () => {
  test.each([
    ['BOOL', Uint8Array.of(1, 0, 1)],
    ['INT32', Int32Array.of(-2_147_483_648, 2_147_483_647)],
    ['FP32', Float32Array.of(0.1, -3e38)],
    ['BYTES', [Uint8Array.of(255, 0, 1), new TextEncoder().encode('für'), new Uint8Array(0)]],
  ] as const)('carries %s exactly', async (datatype, data) => {
    const model = await tfjs.load(await shelf.bundle(tfjsIdentityPlan(datatype)));
    const { outputs } = await model.infer({ x: { datatype, shape: [data.length], data } });
    expect(outputs['score']).toEqual({ datatype, shape: [data.length], data });
  });

  test.each(['INT64', 'FP64', 'UINT8', 'FP16'] as const)('has no %s: such a manifest is refused', async (datatype) => {
    const plan = identityPlan(datatype);
    const manifest = { ...plan.manifest, platform: 'tfjs' as const, engines: ['tfjs-child' as const] };
    expect(await codeOf(shelf.bundle({ ...plan, manifest }))).toBe('BUNDLE_MANIFEST_INVALID');
  });
});
