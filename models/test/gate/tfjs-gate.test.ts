import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkTfjsModel, isModelError, parseManifest, type BundleManifest } from '@shoal/models';
import { jsonDepth } from '../../src/gate/json-depth.ts';
import { contentOf, type BundlePlan } from '../test-bundles.ts';
import {
  floats,
  graphJson,
  graphPlan,
  layersJson,
  placeholder,
  TFJS_DOUBLING,
  TFJS_GREEDY,
  TFJS_HANGING_ABOVE_1000,
  tfjsPlan,
} from '../tfjs-models.ts';

const SHA256 = '0'.repeat(64);

const manifestFor = (plan: BundlePlan): BundleManifest => {
  const { manifest, files } = contentOf(plan);
  return parseManifest({
    ...manifest,
    featureView: undefined,
    window: undefined,
    files: files.map(({ path, role, bytes }) => ({ path, role, sha256: SHA256, lengthBytes: bytes.byteLength })),
  });
};

/** What the gate says of a bundle: null when it lets it in. */
const refusal = (plan: BundlePlan): string | null => {
  const sizes = new Map(Object.entries(plan.weights ?? {}).map(([path, bytes]) => [path, bytes.byteLength]));
  try {
    checkTfjsModel(manifestFor(plan), plan.model, sizes);
    return null;
  } catch (error) {
    if (!isModelError(error) || error.code !== 'MODEL_GATE_REFUSED') throw error;
    return error.message;
  }
};

const TWO = floats('two', [], [2]);
const doubling = (): Record<string, unknown> =>
  graphJson([placeholder('x', [-1, 1]), { name: 'score', op: 'Mul', input: ['x', 'two'] }], [TWO]);
const withWeights = (weightsManifest: unknown, bytes: Uint8Array = TWO.bytes): BundlePlan =>
  tfjsPlan({ ...doubling(), weightsManifest }, bytes);
const weight = { name: 'two', shape: [], dtype: 'float32' };
const node = (op: string): BundlePlan => graphPlan([placeholder('x', [-1, 1]), { name: 'score', op, input: ['x'] }]);
const layer = (class_name: string, config: Record<string, unknown> = {}): BundlePlan =>
  tfjsPlan(layersJson([{ class_name, config: { name: 'score', ...config } }], []));
const text = (content: string): BundlePlan => tfjsPlan(Buffer.from(content, 'utf8'));

describe('the gate of TensorFlow.js models', () => {
  test.each([
    ['a graph', TFJS_DOUBLING],
    ['operators without end in sight, but no loop', TFJS_HANGING_ABOVE_1000],
    ['sizes known only at run time', TFJS_GREEDY],
    ['layers', layer('Dense', { units: 1, kernel_initializer: { class_name: 'Zeros', config: {} } })],
    [
      'quantised weights',
      withWeights([
        {
          paths: ['weights.bin'],
          weights: [{ ...weight, shape: [4], quantization: { dtype: 'uint8', scale: 1, min: 0 } }],
        },
      ]),
    ],
  ])('lets in %s', (_what, plan) => {
    expect(refusal(plan)).toBeNull();
  });

  test.each([
    ['garbage', text('this is not a model'), 'not JSON'],
    ['bytes that are no text', tfjsPlan(Uint8Array.of(0x7b, 0xff, 0x7d)), 'not JSON'],
    ['JSON that is no model', text('[1, 2]'), 'file'],
    ['an unknown format', tfjsPlan({ ...doubling(), format: 'lambda-model' }), 'format'],
    ['JSON as deep as the sea', text(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), 'deeper'],
    ['a file without end', tfjsPlan(Buffer.alloc(17 * 1_024 * 1_024, 0x20)), 'at most'],
    ['an initialiser', tfjsPlan({ ...doubling(), modelInitializer: { node: [] } }), 'initialiser'],
    [
      'a function library',
      tfjsPlan({
        ...doubling(),
        modelTopology: { node: [{ name: 'x', op: 'Placeholder' }], versions: {}, library: { function: [{}] } },
      }),
      'functions',
    ],
    ['a loop', node('While'), 'control flow (While)'],
    ['an old loop', node('NextIteration'), 'control flow'],
    ['a branch', node('StatelessIf'), 'control flow'],
    ['a random operator', node('RandomUniform'), 'RandomUniform'],
    ['an operator that reads files', node('SimpleMLLoadModelFromPathWithHandle'), 'SimpleML'],
    [
      'a node that reads what is not there',
      graphPlan([{ name: 'score', op: 'Abs', input: ['nobody'] }]),
      'not in the graph',
    ],
    [
      'a cycle',
      graphPlan([
        { name: 'a', op: 'Abs', input: ['b'] },
        { name: 'b', op: 'Abs', input: ['a:0'] },
      ]),
      'cycle',
    ],
    ['two nodes of one name', graphPlan([placeholder('x', [1]), placeholder('x', [1])]), 'same name'],
    ['a lambda layer', layer('Lambda', { function: 'alert(1)' }), 'Lambda'],
    ['a layer of an application', layer('MyLayer'), 'MyLayer'],
    [
      'a lambda inside of a wrapper',
      layer('TimeDistributed', { layer: { class_name: 'Lambda', config: {} } }),
      'Lambda',
    ],
    ['a class name that is no text', layer('Dense', { kernel_initializer: { class_name: { evil: true } } }), 'class'],
    ['a layer of absurd size', layer('Dense', { units: 1e12 }), 'units'],
    ['an input of absurd size', tfjsPlan(layersJson([], [], [1e9])), 'batch_input_shape'],
  ])('refuses %s', (_what, plan, why) => {
    expect(refusal(plan)).toContain(why);
  });

  test.each([
    ['an absolute path', [{ paths: ['/etc/passwd'], weights: [weight] }], 'no plain file name'],
    ['a path that climbs', [{ paths: ['../weights.bin'], weights: [weight] }], 'no plain file name'],
    ['a path into a folder', [{ paths: ['other/weights.bin'], weights: [weight] }], 'no plain file name'],
    ['an address', [{ paths: ['http://example.org/w'], weights: [weight] }], 'no plain file name'],
    ['a file the manifest does not list', [{ paths: ['other.bin'], weights: [weight] }], 'not listed'],
    ['a file the manifest lists as something else', [{ paths: ['golden.json'], weights: [weight] }], 'not listed'],
    ['a file twice', [{ paths: ['weights.bin', 'weights.bin'], weights: [{ ...weight, shape: [2] }] }], 'twice'],
    ['no file, though there is one', [], 'does not name'],
    ['more than the file holds', [{ paths: ['weights.bin'], weights: [{ ...weight, shape: [2] }] }], 'are declared'],
    ['less than the file holds', [{ paths: ['weights.bin'], weights: [] }], 'are declared'],
    ['a huge shape', [{ paths: ['weights.bin'], weights: [{ ...weight, shape: [1e6, 1e6] }] }], 'are declared'],
    ['a negative shape', [{ paths: ['weights.bin'], weights: [{ ...weight, shape: [-1] }] }], 'shape'],
    ['complex numbers', [{ paths: ['weights.bin'], weights: [{ ...weight, dtype: 'complex64' }] }], 'dtype'],
    [
      'an unknown quantisation',
      [{ paths: ['weights.bin'], weights: [{ ...weight, quantization: { dtype: 'uint4' } }] }],
      'quantization',
    ],
  ])('refuses weights that name %s', (_what, weightsManifest, why) => {
    expect(refusal(withWeights(weightsManifest))).toContain(why);
  });

  test('refuses a truncated shard and weights beyond what the manifest promises', () => {
    const manifest = [{ paths: ['weights.bin'], weights: [weight] }];
    expect(refusal(withWeights(manifest, TWO.bytes.subarray(0, 3)))).toContain('are declared to be 4 bytes and are 3');
    const quantised = { ...weight, shape: [8_388_608], quantization: { dtype: 'uint8' } };
    const bytes = new Uint8Array(8_388_608);
    expect(refusal(withWeights([{ paths: ['weights.bin'], weights: [quantised] }], bytes))).toContain('memoryMb');
  });

  test('answers any mutation of a model with a refusal or lets it in, and throws nothing else', () => {
    const bytes = tfjsPlan(doubling(), TWO.bytes).model;
    const edit = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const mutant = Uint8Array.from(bytes);
        for (const [at, value] of edits) mutant[at] = value;
        const answer = refusal(tfjsPlan(mutant, TWO.bytes));
        expect(answer === null || answer.startsWith('model.json is refused: ')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('counts the depth of JSON outside of its texts', () => {
    const depthOf = (content: string): number => jsonDepth(Buffer.from(content, 'utf8'));
    expect(['1', '[]', '{"a":[1,{}]}', '"[[["', '["\\"[[",[]]'].map(depthOf)).toEqual([0, 1, 3, 0, 2]);
  });
});

describe('the manifest of a TensorFlow.js model', () => {
  const faults = (plan: BundlePlan): unknown => {
    try {
      return manifestFor(plan);
    } catch (error) {
      return isModelError(error) ? [error.code, error.message] : error;
    }
  };

  test('lists engines that run its platform only', () => {
    const engines = { ...TFJS_DOUBLING, manifest: { ...TFJS_DOUBLING.manifest, engines: ['native-child' as const] } };
    expect(faults(engines)).toEqual([
      'BUNDLE_MANIFEST_INVALID',
      expect.stringContaining('native-child runs no tfjs model'),
    ]);
    const onnx = { model: TFJS_DOUBLING.model, manifest: { engines: ['tfjs-child' as const] } };
    expect(faults(onnx)).toEqual(['BUNDLE_MANIFEST_INVALID', expect.stringContaining('tfjs-child runs no onnx model')]);
  });

  test('alone may list weights', () => {
    const onnx = { model: TFJS_DOUBLING.model, weights: { 'weights.bin': TWO.bytes } };
    expect(faults(onnx)).toEqual(['BUNDLE_MANIFEST_INVALID', expect.stringContaining('only a tfjs model has weights')]);
  });
});
