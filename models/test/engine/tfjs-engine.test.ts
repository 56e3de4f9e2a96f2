import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { createTfjsEngine, EngineSupervisor, type Bundle } from '@shoal/models';
import { codeOf, isAlive } from '../conditions.ts';
import { BundleShelf, x } from '../test-bundles.ts';
import {
  floats,
  graphPlan,
  integers,
  layersJson,
  placeholder,
  TFJS_DOUBLING,
  TFJS_NOT_FINITE,
  tfjsIdentityPlan,
  tfjsPlan,
  weightBytes,
} from '../tfjs-models.ts';

jest.setTimeout(180_000);
const shelf = new BundleShelf();
const engine = createTfjsEngine();
afterAll(async () => {
  await engine.close();
  await shelf.dispose();
});

/** Text in a graph is base64. */
const EQUATION = { s: Buffer.from('ab,bc->ac', 'utf8').toString('base64') };

const HOST = fileURLToPath(new URL('fixtures/tfjs-host.ts', import.meta.url));

const host = ({ folder }: Bundle, nodeBinding: 'absent' | 'broken' | 'works'): Record<string, unknown> => {
  const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
  const ended = spawnSync(process.execPath, [...flags, HOST, folder, nodeBinding], { encoding: 'utf8' });
  expect([ended.status, ended.stderr]).toEqual([0, '']);
  return JSON.parse(ended.stdout) as Record<string, unknown>;
};

/** A layer that keeps state over ten steps. */
const recurrent = () => {
  const units = 3;
  const weights = [
    floats(
      'lstm/kernel',
      [1, 4 * units],
      Array.from({ length: 4 * units }, (_, i) => 0.1 * i),
    ),
    floats(
      'lstm/recurrent_kernel',
      [units, 4 * units],
      Array.from({ length: 4 * units * units }, () => 0.05),
    ),
    floats(
      'lstm/bias',
      [4 * units],
      Array.from({ length: 4 * units }, () => 0),
    ),
    floats('score/kernel', [units, 1], [1, 1, 1]),
    floats('score/bias', [1], [0.5]),
  ];
  const layers = [
    { class_name: 'LSTM', config: { name: 'lstm', units, recurrent_activation: 'sigmoid', unit_forget_bias: false } },
    { class_name: 'Dense', config: { name: 'score', units: 1, activation: 'linear' } },
  ];
  return tfjsPlan(layersJson(layers, weights, [10, 1]), weightBytes(weights), {
    manifest: {
      signature: {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 10, 1] }],
        outputs: [{ name: 'score', datatype: 'FP32', shape: [-1, 1] }],
        nonFiniteInputs: 'refuse',
        nonFiniteOutputs: 'refuse',
      },
    },
  });
};

/** The sum of three units of an LSTM with the weights above, over ten ones, plus a half: in double precision. */
const recurrentScore = (): number => {
  const units = 3;
  const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
  let hidden = [0, 0, 0];
  let cell = [0, 0, 0];
  for (let step = 0; step < 10; step += 1) {
    const shared = 0.05 * hidden.reduce((sum, value) => sum + value, 0);
    const gate = (index: number, unit: number): number => 0.1 * (index * units + unit) + shared;
    cell = cell.map((value, u) => sigmoid(gate(1, u)) * value + sigmoid(gate(0, u)) * Math.tanh(gate(2, u)));
    hidden = cell.map((value, u) => sigmoid(gate(3, u)) * Math.tanh(value));
  }
  return 0.5 + hidden.reduce((sum, value) => sum + value, 0);
};

describe('the TensorFlow.js engine', () => {
  test('carries a scalar and an empty tensor', async () => {
    const scalar = await engine.load(await shelf.bundle(tfjsIdentityPlan('FP32', [])));
    const one = { datatype: 'FP32' as const, shape: [], data: Float32Array.of(0.1) };
    expect((await scalar.infer({ x: one })).outputs['score']).toEqual(one);
    const matrix = await engine.load(await shelf.bundle(tfjsIdentityPlan('INT32', [-1, 3])));
    const none = { datatype: 'INT32' as const, shape: [0, 3], data: new Int32Array(0) };
    expect((await matrix.infer({ x: none })).outputs['score']).toEqual(none);
  });

  test('runs a recurrent layers model', async () => {
    const model = await engine.load(await shelf.bundle(recurrent()));
    const ones = { datatype: 'FP32' as const, shape: [1, 10, 1], data: new Float32Array(10).fill(1) };
    const { outputs } = await model.infer({ x: ones });
    expect(outputs['score']?.data[0]).toBeCloseTo(recurrentScore(), 4);
  });

  test('says which backend runs a model, and takes the slow one where a kernel is missing', async () => {
    const fast = await engine.load(await shelf.bundle(TFJS_DOUBLING));
    expect(fast.stats().runtime).toMatch(/^TensorFlow\.js 4\.22\.0 wasm$/);
    const doubling = {
      name: 'score',
      op: 'Einsum',
      input: ['x', 'two'],
      attr: { equation: EQUATION, N: { i: '2' } },
    };
    const slow = await engine.load(
      await shelf.bundle(graphPlan([placeholder('x', [-1, 1]), doubling], [floats('two', [1, 1], [2])])),
    );
    expect((await slow.infer(x(3, -1))).outputs['score']?.data).toEqual(Float32Array.of(6, -2));
    expect(slow.stats().runtime).toBe('TensorFlow.js 4.22.0 cpu (slow: the wasm backend has no kernel Einsum)');
    expect((await fast.infer(x(3))).outputs['score']?.data[0]).toBe(6);
  });

  test.each([
    ['INPUT_UNKNOWN', { ...x(1), y: x(1).x }],
    ['INPUT_MISSING', {}],
    ['INPUT_DATATYPE_INVALID', { x: { datatype: 'INT32' as const, shape: [1, 1], data: Int32Array.of(1) } }],
    ['INPUT_SHAPE_INVALID', { x: { datatype: 'FP32' as const, shape: [1], data: Float32Array.of(1) } }],
  ])('answers %s before the model sees such an input', async (code, inputs) => {
    const model = await engine.load(await shelf.bundle(TFJS_DOUBLING));
    expect(await codeOf(model.infer(inputs))).toBe(code);
  });

  test('refuses a model whose file contradicts its manifest', async () => {
    const signature = {
      inputs: [{ name: 'x', datatype: 'INT32' as const, shape: [-1, 1] }],
      outputs: [{ name: 'score', datatype: 'FP32' as const, shape: [-1, 1] }],
      nonFiniteInputs: 'refuse' as const,
      nonFiniteOutputs: 'refuse' as const,
    };
    const bundle = await shelf.bundle({ ...TFJS_DOUBLING, manifest: { ...TFJS_DOUBLING.manifest, signature } });
    expect(await codeOf(engine.load(bundle))).toBe('MODEL_SIGNATURE_MISMATCH');
  });

  test('refuses weights that changed after they were verified', async () => {
    const bundle = await shelf.bundle(TFJS_DOUBLING);
    const weights = bundle.weights.map((file) => ({ ...file, sha256: 'a'.repeat(64) }));
    expect(await codeOf(engine.load({ ...bundle, weights, modelKey: 'other' }))).toBe('BUNDLE_DIGEST_MISMATCH');
  });

  test('keeps models apart that differ in their weights alone', async () => {
    const threefold = graphPlan(
      [placeholder('x', [-1, 1]), { name: 'score', op: 'Mul', input: ['x', 'two'] }],
      [floats('two', [], [3])],
      { golden: [[1, 3]] },
    );
    const [two, three] = [await shelf.bundle(TFJS_DOUBLING), await shelf.bundle(threefold)];
    expect(two.modelSha256).toBe(three.modelSha256);
    const models = [await engine.load(two), await engine.load(three)];
    const answers = await Promise.all(models.map((model) => model.infer(x(5))));
    expect(answers.map(({ outputs }) => outputs['score']?.data[0])).toEqual([10, 15]);
  });

  test('refuses a Sequential without an input and a layer without its weights', async () => {
    const dense = { class_name: 'Dense', config: { name: 'score', units: 1 } };
    const bare = layersJson([dense], []);
    expect(await codeOf(engine.load(await shelf.bundle(tfjsPlan(bare))))).toBe('MODEL_LOAD_FAILED');
    const shapeless = { ...bare, modelTopology: { class_name: 'Sequential', config: { layers: [dense] } } };
    expect(await codeOf(engine.load(await shelf.bundle(tfjsPlan(shapeless))))).toBe('MODEL_LOAD_FAILED');
  });

  test('stops a model that fills memory outside of WebAssembly', async () => {
    const greedy = graphPlan(
      [
        placeholder('x', [-1, 1]),
        { name: 'rows', op: 'Einsum', input: ['x', 'one'], attr: { equation: EQUATION, N: { i: '2' } } },
        { name: 'most', op: 'Max', input: ['rows', 'all'], attr: { keep_dims: { b: false } } },
        {
          name: 'count',
          op: 'Cast',
          input: ['most'],
          attr: { SrcT: { type: 'DT_FLOAT' }, DstT: { type: 'DT_INT32' } },
        },
        { name: 'elements', op: 'Mul', input: ['count', 'million'] },
        { name: 'shape', op: 'Reshape', input: ['elements', 'flat'] },
        { name: 'filled', op: 'Fill', input: ['shape', 'zero'] },
        { name: 'none', op: 'Max', input: ['filled', 'first'], attr: { keep_dims: { b: false } } },
        { name: 'score', op: 'AddV2', input: ['rows', 'none'] },
      ],
      [
        floats('one', [1, 1], [2]),
        floats('zero', [], [0]),
        integers('all', [2], [0, 1]),
        integers('first', [1], [0]),
        integers('flat', [1], [1]),
        integers('million', [], [1_048_576]),
      ],
    );
    const model = await engine.load(await shelf.bundle(greedy));
    expect(model.stats().runtime).toContain('cpu');
    expect((await model.infer(x(2))).outputs['score']?.data[0]).toBe(4);
    expect(await codeOf(model.infer(x(400)))).toMatch(/^(ENGINE_OUT_OF_MEMORY|INPUT_BREAKS_MODEL)$/);
    expect((await model.infer(x(3))).outputs['score']?.data[0]).toBe(6);
  });

  test('is chosen by a supervisor for such a bundle, and comes back after its process was killed', async () => {
    const supervisor = new EngineSupervisor({ agentVersion: '0.1.0' });
    const model = await supervisor.load(await shelf.bundle(TFJS_DOUBLING));
    expect(model.state()).toMatchObject({ status: 'ready', engine: 'tfjs-child', reason: null });
    const before = model.stats().pid ?? 0;
    const answer = model.infer(x(21));
    process.kill(before, 'SIGKILL');
    expect((await answer).outputs['score']?.data[0]).toBe(42);
    const wrong = await supervisor.load(await shelf.bundle(TFJS_NOT_FINITE));
    expect(wrong.state()).toMatchObject({ status: 'unavailable', reason: { code: 'OUTPUT_NOT_FINITE' } });
    const pid = model.stats().pid ?? 0;
    await supervisor.close();
    expect(await isAlive(pid)).toBe(false);
  });
});

describe('TensorFlow.js in its process', () => {
  test('leaves no tensor behind, and says nothing', async () => {
    const found = host(await shelf.bundle(TFJS_DOUBLING), 'absent');
    expect(found).toMatchObject({ backend: 'wasm', answer: [42], failed: true, grown: 0, left: 0 });
  });

  test('takes tfjs-node where it loads, though Node lacks what it calls', async () => {
    const found = host(await shelf.bundle(TFJS_DOUBLING), 'works');
    expect(found).toMatchObject({ backend: 'tensorflow', answer: [42], grown: 0, left: 0 });
    expect(found['imported']).toEqual(['@tensorflow/tfjs-node']);
  });

  test('falls to WebAssembly where tfjs-node is installed and does not load', async () => {
    expect(host(await shelf.bundle(TFJS_DOUBLING), 'broken')).toMatchObject({ backend: 'wasm', answer: [42] });
  });
});
