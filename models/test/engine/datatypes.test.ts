import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { createNativeEngine, createWasmEngine } from '@shoal/models';
import { BundleShelf, identityPlan } from '../hostile-models.ts';

jest.setTimeout(30_000);
const shelf = new BundleShelf();
const engines = [createNativeEngine(), createWasmEngine()];
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  await shelf.dispose();
});

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
});
