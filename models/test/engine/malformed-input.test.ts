/** Every malformed input that was tried on a bare runtime, and the name that it has here: the same on every engine. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  createNativeEngine,
  createWasmEngine,
  readBundle,
  type BundleContent,
  type EngineFactory,
  type InferenceEngine,
  type ModelHandle,
} from '@shoal/models';
import type { Tensor, Tensors } from '@shoal/protocol';
import { codeOf } from '../conditions.ts';
import { chunk, ENDS, model, node, sizes, whole, wrap } from '../gate/gate-cases.ts';
import { DOUBLING, GARBAGE, GIGABYTE_CONSTANT, HANGING, UNKNOWN_OPERATOR } from '../hostile-models.ts';
import { BundleShelf, contentOf, identityPlan, manifestOf, x, type BundlePlan } from '../test-bundles.ts';

jest.setTimeout(180_000);
const shelf = new BundleShelf();
afterAll(() => shelf.dispose());

const terabytes = model(
  [
    { op: 'Identity', inputs: ['x'], outputs: ['score'] },
    { op: 'ConstantOfShape', inputs: ['size'], outputs: ['big'] },
  ],
  { size: sizes(2 ** 20, 2 ** 20) },
);
const outside = (path: string): Uint8Array => {
  const location = chunk(13, Buffer.concat([chunk(1, 'location'), chunk(2, path)]));
  const tensor = Buffer.concat([whole(1, 4), whole(2, 1), chunk(8, 'w'), location, whole(14, 1)]);
  return wrap([node('Identity', ['x'], ['score']), chunk(5, tensor), ...ENDS]);
};
const withOutput = (name: string): NonNullable<BundlePlan['manifest']> => {
  const { signature, postProcessing } = manifestOf();
  return {
    signature: { ...signature, outputs: [{ name, datatype: 'FP32', shape: [-1, 1] }] },
    postProcessing: { ...postProcessing, scoreOutput: name } as BundleContent['manifest']['postProcessing'],
  };
};

/** Models: the code that probation, and so an install, rejects with. */
const MODELS: readonly (readonly [what: string, plan: BundlePlan, code: string])[] = [
  ['garbage', { model: GARBAGE }, 'MODEL_MALFORMED'],
  ['zeros', { model: new Uint8Array(64) }, 'MODEL_MALFORMED'],
  ['a model cut in half', { model: DOUBLING.subarray(0, DOUBLING.length / 2) }, 'MODEL_MALFORMED'],
  ['no bytes at all', { model: new Uint8Array(0) }, 'MODEL_MALFORMED'],
  ['an operator nobody has', { model: UNKNOWN_OPERATOR }, 'MODEL_LOAD_FAILED'],
  ['an output the model does not have', { model: DOUBLING, manifest: withOutput('other') }, 'MODEL_SIGNATURE_MISMATCH'],
  ['weights in /etc/passwd', { model: outside('../../../../etc/passwd') }, 'MODEL_GATE_REFUSED'],
  ['weights in a path with NUL', { model: outside('weights\0x') }, 'MODEL_GATE_REFUSED'],
  ['a constant of 2^40 elements', { model: terabytes }, 'MODEL_TOO_LARGE'],
  ['68 bytes that declare a gigabyte', { model: GIGABYTE_CONSTANT }, 'MODEL_TOO_LARGE'],
  ['a loop that is not declared', { model: HANGING, manifest: { gate: { allow: [] } } }, 'MODEL_GATE_REFUSED'],
  ['a loop without end', { model: HANGING }, 'ENGINE_TIMEOUT'],
  ['golden vectors it does not give', { model: DOUBLING, golden: [[1, 3]] }, 'GOLDEN_MISMATCH'],
];

const of = (patch: Partial<Tensor>): Tensors => ({ x: { ...x(1).x, ...patch } as Tensor });
const detached = (): Tensors => {
  const inputs = x(1, 2);
  structuredClone(inputs, { transfer: [inputs.x.data.buffer] });
  return inputs;
};

/** Inputs of a model that doubles them. */
const INPUTS: readonly (readonly [what: string, inputs: () => Tensors, code: string])[] = [
  ['a wrong dimension', () => of({ shape: [1, 2], data: new Float32Array(2) }), 'INPUT_SHAPE_INVALID'],
  ['a wrong rank', () => of({ shape: [1] }), 'INPUT_SHAPE_INVALID'],
  ['a wrong datatype', () => of({ datatype: 'FP64', data: new Float64Array(1) }), 'INPUT_DATATYPE_INVALID'],
  ['data of another type than it says', () => of({ data: new Float64Array(1) }), 'INPUT_DATATYPE_INVALID'],
  ['no input', () => ({}), 'INPUT_MISSING'],
  ['a misnamed input', () => ({ y: x(1).x }), 'INPUT_UNKNOWN'],
  ['an input too many', () => ({ ...x(1), y: x(1).x }), 'INPUT_UNKNOWN'],
  ['more data than its shape', () => of({ data: new Float32Array(3) }), 'INPUT_SHAPE_INVALID'],
  ['less data than its shape', () => of({ shape: [3, 1] }), 'INPUT_SHAPE_INVALID'],
  ['a negative dimension', () => of({ shape: [-1, 1] }), 'INPUT_SHAPE_INVALID'],
  ['a dimension that is no number', () => of({ shape: [Number.NaN, 1] }), 'INPUT_SHAPE_INVALID'],
  ['NaN', () => x(Number.NaN), 'INPUT_NOT_FINITE'],
  ['infinity', () => x(Infinity), 'INPUT_NOT_FINITE'],
  ['what overflows', () => x(3e38), 'OUTPUT_NOT_FINITE'],
  ['a buffer that was given away', detached, 'INPUT_SHAPE_INVALID'],
  ['no rows', () => x(), 'resolved'],
];

const ENGINES: readonly (readonly [string, EngineFactory])[] = [
  ['native-child', createNativeEngine],
  ['wasm-child', createWasmEngine],
];

describe.each(ENGINES)('malformed input on %s', (_kind, create) => {
  let engine: InferenceEngine;
  let doubling: ModelHandle;
  beforeAll(async () => {
    engine = create({ hardLimitMs: 2_000 });
    doubling = await engine.load(await shelf.bundle({ model: DOUBLING }));
  });
  afterAll(() => engine.close());

  test.each(MODELS)('%s', async (_, plan, code) => {
    expect(await codeOf(engine.probe(await shelf.bundle(plan)))).toBe(code);
  });

  test.each(INPUTS)('%s', async (_, inputs, code) => {
    expect(await codeOf(doubling.infer(inputs()))).toBe(code);
  });

  test('a tensor of a gigabyte', async () => {
    const identity = await engine.load(await shelf.bundle(identityPlan('UINT8')));
    const data = new Uint8Array(2 ** 30);
    const answer = codeOf(identity.infer({ x: { datatype: 'UINT8', shape: [data.length], data } }));
    expect(await answer).toBe('INPUT_TOO_LARGE');
    await identity.close();
  });

  test('an input that changes after it was given changes nothing', async () => {
    const inputs = x(5);
    const answer = doubling.infer(inputs);
    inputs.x.data[0] = 99;
    expect((await answer).outputs['score']?.data[0]).toBe(10);
  });

  test('a run after a release, and a second release', async () => {
    const second = await engine.load(await shelf.bundle({ model: DOUBLING }));
    await second.close();
    await second.close();
    expect(await codeOf(second.infer(x(1)))).toBe('MODEL_CLOSED');
    expect(await codeOf(doubling.infer(x(1)))).toBe('resolved');
  });

  test('is no harm to the model beside it', async () => {
    expect((await doubling.infer(x(2))).outputs['score']?.data[0]).toBe(4);
    expect(doubling.stats().losses).toBe(0);
  });
});

test('a path with NUL is refused with its manifest', async () => {
  const content = contentOf({ model: DOUBLING });
  const files = content.files.map((file) => ({ ...file, path: file.path.replace('model.onnx', 'tiny.onnx\0x') }));
  expect(await codeOf(shelf.write({ ...content, files }))).toBe('BUNDLE_MANIFEST_INVALID');
  expect(await codeOf(readBundle('no\0where', { signaturePolicy: 'allow-unsigned' }))).toBe('BUNDLE_MISSING');
});
