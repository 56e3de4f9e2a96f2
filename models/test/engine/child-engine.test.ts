import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  checkGolden,
  createNativeEngine,
  createTfjsEngine,
  createWasmEngine,
  ModelError,
  type BundleManifest,
  type EngineFactory,
  type InferenceEngine,
} from '@shoal/models';
import { codeOf, eventually, isAlive } from '../conditions.ts';
import { DOUBLING, GARBAGE, GREEDY, HANGING, HANGING_ABOVE_1000, NOT_FINITE, INDEXING } from '../hostile-models.ts';
import { BundleShelf, x, type BundlePlan } from '../test-bundles.ts';
import {
  TFJS_DOUBLING,
  TFJS_GARBAGE,
  TFJS_GREEDY,
  TFJS_HANGING_ABOVE_1000,
  TFJS_INDEXING,
  TFJS_NOT_FINITE,
} from '../tfjs-models.ts';

jest.setTimeout(120_000);
const shelf = new BundleShelf();
const engines: InferenceEngine[] = [];
const open = (create: EngineFactory, limits: Parameters<EngineFactory>[0] = {}): InferenceEngine => {
  const engine = create(limits);
  engines.push(engine);
  return engine;
};
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});
afterAll(() => shelf.dispose());

const withSignature = (plan: BundlePlan, signature: BundleManifest['signature']): BundlePlan => ({
  ...plan,
  manifest: { ...plan.manifest, signature },
});

interface Specimens {
  readonly doubling: BundlePlan;
  readonly garbage: BundlePlan;
  /** The code of loading it. */
  readonly garbageCode: string;
  readonly indexing: BundlePlan;
  readonly notFinite: BundlePlan;
  readonly hangingAbove1000: BundlePlan;
  readonly greedy: BundlePlan;
}

const ONNX: Specimens = {
  doubling: { model: DOUBLING },
  garbage: { model: GARBAGE },
  garbageCode: 'MODEL_MALFORMED',
  indexing: { model: INDEXING },
  notFinite: { model: NOT_FINITE },
  hangingAbove1000: { model: HANGING_ABOVE_1000 },
  greedy: { model: GREEDY },
};

const TFJS: Specimens = {
  doubling: TFJS_DOUBLING,
  garbage: TFJS_GARBAGE,
  garbageCode: 'MODEL_GATE_REFUSED',
  indexing: TFJS_INDEXING,
  notFinite: TFJS_NOT_FINITE,
  hangingAbove1000: TFJS_HANGING_ABOVE_1000,
  greedy: TFJS_GREEDY,
};

const all: [string, EngineFactory, Specimens][] = [
  ['native-child', createNativeEngine, ONNX],
  ['wasm-child', createWasmEngine, ONNX],
  ['tfjs-child', createTfjsEngine, TFJS],
];

describe.each(all)('%s', (_kind, create, specimens) => {
  test('answers a batch with one row per row', async () => {
    const model = await open(create).load(await shelf.bundle(specimens.doubling));
    const { outputs, elapsedMs } = await model.infer(x(1, 2, -3));
    expect(outputs['score']).toEqual({ datatype: 'FP32', shape: [3, 1], data: Float32Array.of(2, 4, -6) });
    expect(elapsedMs).toBeGreaterThan(0);
  });

  test('answers an empty batch with an empty answer', async () => {
    const model = await open(create).load(await shelf.bundle(specimens.doubling));
    const { outputs } = await model.infer(x());
    expect(outputs['score']?.shape).toEqual([0, 1]);
  });

  test('copies its inputs before it returns', async () => {
    const model = await open(create).load(await shelf.bundle(specimens.doubling));
    const inputs = x(5);
    const answer = model.infer(inputs);
    inputs.x.data[0] = 99;
    expect((await answer).outputs['score']?.data).toEqual(Float32Array.of(10));
  });

  test('refuses bytes that are no model and loads the next one', async () => {
    const engine = open(create);
    expect(await codeOf(engine.load(await shelf.bundle(specimens.garbage)))).toBe(specimens.garbageCode);
    const model = await engine.load(await shelf.bundle(specimens.doubling));
    expect((await model.infer(x(1))).outputs['score']?.data[0]).toBe(2);
  });

  test('names a run that fails and goes on', async () => {
    const model = await open(create).load(await shelf.bundle(specimens.indexing));
    expect(await codeOf(model.infer(x(0, 9)))).toBe('MODEL_RUN_FAILED');
    expect((await model.infer(x(0, 1))).outputs['score']?.data).toEqual(Float32Array.of(0, 1));
  });

  test('refuses an answer that is not finite unless the manifest allows it', async () => {
    const engine = open(create);
    const strict = await engine.load(await shelf.bundle(specimens.notFinite));
    expect(await codeOf(strict.infer(x(1)))).toBe('OUTPUT_NOT_FINITE');
    const signature = { ...strict.signature, nonFiniteOutputs: 'allow' as const };
    const lenient = await engine.load(await shelf.bundle(withSignature(specimens.notFinite, signature)));
    expect((await lenient.infer(x(1))).outputs['score']?.data[0]).toBe(Infinity);
  });

  test('kills a model that hangs, blames the input, and goes on with others', async () => {
    const model = await open(create, { hardLimitMs: 250 }).load(await shelf.bundle(specimens.hangingAbove1000));
    const { pid } = model.stats();
    const bad = model.infer(x(2_000));
    const good = model.infer(x(7));
    expect(await codeOf(bad)).toBe('INPUT_BREAKS_MODEL');
    expect((await good).outputs['score']?.data[0]).toBe(14);
    expect(await isAlive(pid ?? 0)).toBe(false);
    expect(model.stats()).toMatchObject({ requests: 2, failures: 1, losses: 2 });
  });

  test('stops a run that would take more memory than the model declares', async () => {
    const model = await open(create).load(await shelf.bundle(specimens.greedy));
    expect((await model.infer(x(2))).outputs['score']?.data[0]).toBe(4);
    expect(await codeOf(model.infer(x(600)))).toBe('ENGINE_OUT_OF_MEMORY');
    expect((await model.infer(x(3))).outputs['score']?.data[0]).toBe(6);
  });

  test('keeps two models in one process', async () => {
    const engine = open(create);
    const doubling = await engine.load(await shelf.bundle(specimens.doubling));
    const greedy = await engine.load(await shelf.bundle(specimens.greedy));
    const [a, b] = await Promise.all([doubling.infer(x(4)), greedy.infer(x(1))]);
    expect([a.outputs['score']?.data[0], b.outputs['score']?.data[0]]).toEqual([8, 2]);
    expect(doubling.stats().pid).toBe(greedy.stats().pid);
    const pid = doubling.stats().pid;
    await greedy.close();
    expect(doubling.stats().pid).toBe(pid);
    expect((await doubling.infer(x(1))).outputs['score']?.data[0]).toBe(2);
  });
});

describe('a child engine', () => {
  test('quarantines a model that hangs on its golden vectors too', async () => {
    const model = await open(createNativeEngine, { hardLimitMs: 300 }).load(await shelf.bundle({ model: HANGING }));
    expect(await codeOf(model.infer(x(1)))).toBe('MODEL_QUARANTINED');
    expect(await codeOf(model.infer(x(1)))).toBe('MODEL_QUARANTINED');
  });

  test('finds the row of a batch that breaks the model', async () => {
    const model = await open(createNativeEngine, { hardLimitMs: 300 }).load(
      await shelf.bundle({ model: HANGING_ABOVE_1000 }),
    );
    expect(await codeOf(model.infer(x(1, 2_000, 3)))).toBe('INPUT_BREAKS_MODEL');
  });

  test('answers at the deadline and lets a merely slow run finish', async () => {
    const model = await open(createNativeEngine, { hardLimitMs: 2_000 }).load(
      await shelf.bundle({ model: HANGING_ABOVE_1000 }),
    );
    expect(await codeOf(model.infer(x(2_000), { deadlineMs: 50 }))).toBe('ENGINE_TIMEOUT');
    expect((await model.infer(x(1))).outputs['score']?.data[0]).toBe(2);
  });

  test('drops a waiting request at its deadline', async () => {
    const model = await open(createNativeEngine, { hardLimitMs: 500 }).load(
      await shelf.bundle({ model: HANGING_ABOVE_1000 }),
    );
    const first = model.infer(x(2_000));
    expect(await codeOf(model.infer(x(1), { deadlineMs: 20 }))).toBe('ENGINE_TIMEOUT');
    expect(model.stats().queued).toBe(0);
    expect(await codeOf(first)).toBe('INPUT_BREAKS_MODEL');
  });

  test('takes higher priorities first', async () => {
    const model = await open(createNativeEngine).load(await shelf.bundle({ model: DOUBLING }));
    const order: string[] = [];
    const ask = async (name: string, priority: number): Promise<void> => {
      await model.infer(x(1), { priority });
      order.push(name);
    };
    await Promise.all([ask('first', 0), ask('low', -1), ask('normal', 0), ask('high', 5)]);
    expect(order).toEqual(['first', 'high', 'normal', 'low']);
  });

  test('forgets a request that is withdrawn', async () => {
    const model = await open(createNativeEngine).load(await shelf.bundle({ model: DOUBLING }));
    const controller = new AbortController();
    const running = model.infer(x(1));
    const waiting = model.infer(x(2), { signal: controller.signal });
    controller.abort();
    expect(await codeOf(waiting)).toBe('INFERENCE_CANCELED');
    expect(await codeOf(model.infer(x(1), { signal: AbortSignal.abort() }))).toBe('INFERENCE_CANCELED');
    expect((await running).outputs['score']?.data[0]).toBe(2);
  });

  test('refuses work when its queue is full', async () => {
    const model = await open(createNativeEngine, { maxQueued: 1 }).load(await shelf.bundle({ model: DOUBLING }));
    const answers = await Promise.all([1, 2, 3].map((value) => codeOf(model.infer(x(value)))));
    expect(answers).toEqual(['resolved', 'resolved', 'ENGINE_BUSY']);
  });

  test('refuses requests that are too large', async () => {
    const model = await open(createNativeEngine, { maxRequestBytes: 8 }).load(await shelf.bundle({ model: DOUBLING }));
    expect(await codeOf(model.infer(x(1, 2)))).toBe('resolved');
    expect(await codeOf(model.infer(x(1, 2, 3)))).toBe('INPUT_TOO_LARGE');
  });

  test('repeats a request whose process was killed from outside', async () => {
    const model = await open(createNativeEngine).load(await shelf.bundle({ model: DOUBLING }));
    const before = model.stats().pid ?? 0;
    const answer = model.infer(x(21));
    process.kill(before, 'SIGKILL');
    expect((await answer).outputs['score']?.data[0]).toBe(42);
    expect(model.stats().pid).not.toBe(before);
  });

  test('starts again after its idle process was killed', async () => {
    const model = await open(createNativeEngine).load(await shelf.bundle({ model: DOUBLING }));
    const before = model.stats().pid ?? 0;
    process.kill(before, 'SIGKILL');
    await eventually(() => model.stats().pid === null);
    expect((await model.infer(x(1))).outputs['score']?.data[0]).toBe(2);
  });

  test('rests after too many losses and says so', async () => {
    const restartPolicy = { maxLosses: 2, windowMs: 60_000, firstDelayMs: 1, maxDelayMs: 1 };
    const model = await open(createNativeEngine, { hardLimitMs: 200, restartPolicy }).load(
      await shelf.bundle({ model: HANGING }),
    );
    expect(await codeOf(model.infer(x(1)))).toBe('ENGINE_UNAVAILABLE');
  });

  test('refuses a file that changed after it was verified', async () => {
    const bundle = await shelf.bundle({ model: DOUBLING });
    const other = { ...bundle, modelSha256: 'a'.repeat(64) };
    expect(await codeOf(open(createNativeEngine).load(other))).toBe('BUNDLE_DIGEST_MISMATCH');
  });

  test('refuses a model whose file contradicts its manifest', async () => {
    const signature = {
      inputs: [{ name: 'x', datatype: 'FP64' as const, shape: [-1, 1] }],
      outputs: [{ name: 'score', datatype: 'FP32' as const, shape: [-1, 1] }],
      nonFiniteInputs: 'refuse' as const,
      nonFiniteOutputs: 'refuse' as const,
    };
    const bundle = await shelf.bundle({ model: DOUBLING, manifest: { signature } });
    expect(await codeOf(open(createNativeEngine).load(bundle))).toBe('MODEL_SIGNATURE_MISMATCH');
  });

  test('distinguishes a wrong golden vector', async () => {
    const bundle = await shelf.bundle({ model: DOUBLING, golden: [[1, 3]] });
    const model = await open(createNativeEngine).load(bundle);
    expect(await codeOf(checkGolden(model, bundle.golden, 'native-child'))).toBe('GOLDEN_MISMATCH');
  });

  test('rejects everything after a close, of the model and of the engine', async () => {
    const engine = open(createNativeEngine);
    const bundle = await shelf.bundle({ model: DOUBLING });
    const closed = await engine.load(bundle);
    await closed.close();
    await closed.close();
    expect(await codeOf(closed.infer(x(1)))).toBe('MODEL_CLOSED');
    const model = await engine.load(bundle);
    const pid = model.stats().pid ?? 0;
    const waiting = [model.infer(x(1)), model.infer(x(2))].map(codeOf);
    await engine.close();
    expect(await Promise.all(waiting)).toEqual(['ENGINE_CLOSED', 'ENGINE_CLOSED']);
    expect(await codeOf(model.infer(x(1)))).toBe('ENGINE_CLOSED');
    expect(await codeOf(engine.load(bundle))).toBe('ENGINE_CLOSED');
    expect(await isAlive(pid)).toBe(false);
  });

  test('reports losses and returns of its process', async () => {
    const seen: string[] = [];
    const onChild: NonNullable<Parameters<EngineFactory>[0]['onChild']> = (event) =>
      void seen.push(event.type === 'lost' ? event.reason.code : 'ready');
    const model = await open(createNativeEngine, { onChild }).load(await shelf.bundle({ model: DOUBLING }));
    process.kill(model.stats().pid ?? 0, 'SIGKILL');
    await eventually(() => model.stats().pid === null);
    await model.infer(x(1));
    expect(seen).toEqual(['ready', 'ENGINE_CRASHED', 'ready']);
    expect(new ModelError('ENGINE_CRASHED', '').retryable).toBe(true);
  });
});
