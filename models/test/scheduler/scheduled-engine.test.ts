import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  createNativeEngine,
  ModelScheduler,
  readCatalogBundle,
  type Bundle,
  type InferenceEngine,
} from '@shoal/models';
import { goldenInputs, tensorDifference } from '../../src/bundle/golden.ts';
import { codeOf } from '../conditions.ts';
import { ACCUMULATING, DOUBLING, HANGING_ABOVE_1000, INDEXING } from '../hostile-models.ts';
import { BundleShelf, x } from '../test-bundles.ts';

jest.setTimeout(60_000);
const shelf = new BundleShelf();
const engines: InferenceEngine[] = [];
const schedulers: ModelScheduler[] = [];
const open = async (bundle: Bundle, hardLimitMs = 5_000, instances = 1): Promise<ModelScheduler> => {
  const handles = await Promise.all(
    Array.from({ length: instances }, async () => {
      const engine = createNativeEngine({ hardLimitMs });
      engines.push(engine);
      return engine.load(bundle);
    }),
  );
  const [first, ...others] = handles;
  if (first === undefined) throw new Error('No instance');
  const scheduler = new ModelScheduler({
    instances: [first, ...others],
    golden: bundle.golden,
    limits: { maxQueuedRows: 10_000 },
  });
  schedulers.push(scheduler);
  await scheduler.start();
  return scheduler;
};
afterEach(async () => {
  await Promise.all(schedulers.splice(0).map((scheduler) => scheduler.close()));
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});
afterAll(() => shelf.dispose());

describe('a scheduler in front of real engine processes', () => {
  test('gives the shipped model the answers it gives alone, in fewer runs than requests', async () => {
    const bundle = await readCatalogBundle('pump-anomaly', '1.0.0');
    const scheduler = await open(bundle, 5_000, 2);
    const inputs = goldenInputs(bundle.golden);
    const alone = await Promise.all(inputs.map((one) => scheduler.infer(one)));
    const before = scheduler.statistics().executionCount;
    const asked = Array.from({ length: 200 }, (_, i) => i % inputs.length);
    const together = await Promise.all(asked.map((i) => scheduler.infer(inputs[i] ?? {})));
    for (const [n, { outputs }] of together.entries())
      for (const [name, expected] of Object.entries(alone[asked[n] ?? 0]?.outputs ?? {}))
        expect(tensorDifference(outputs[name], expected, { absolute: 1e-5, relative: 1e-4 })).toBeNull();
    const statistics = scheduler.statistics();
    expect(statistics.executionCount - before).toBeLessThan(100);
    expect(statistics).toMatchObject({ pendingRequests: 0, waitingRows: 0 });
    // Joining rows changed no answer. How many are worth a run is measured, and other on a busy machine.
    expect(statistics.batchRows).toBeGreaterThan(1);
    expect(scheduler.stats()).toMatchObject({ engine: 'native-child', losses: 0 });
  });

  test('blames the one input that hangs the model, at the price of two processes, and answers the others', async () => {
    const scheduler = await open(await shelf.bundle({ model: HANGING_ABOVE_1000 }), 300);
    const answers = [1, 2, 2_000, 4, 5, 6].map(async (value) => {
      const { outputs } = await scheduler.infer(x(value));
      return outputs['score']?.data[0];
    });
    const values = (await Promise.allSettled(answers)).map((one) => (one.status === 'fulfilled' ? one.value : 'error'));
    expect(values).toEqual([2, 4, 'error', 8, 10, 12]);
    expect(await codeOf(answers[2] ?? Promise.resolve())).toBe('INPUT_BREAKS_MODEL');
    expect(scheduler.stats().losses).toBe(2);
  });

  test('repeats a batch whose process was killed from outside', async () => {
    const scheduler = await open(await shelf.bundle({ model: DOUBLING }));
    const answers = [1, 2, 3].map(async (value) => scheduler.infer(x(value)));
    process.kill(scheduler.stats().pid ?? 0, 'SIGKILL');
    const values = (await Promise.all(answers)).map(({ outputs }) => outputs['score']?.data[0]);
    expect(values).toEqual([2, 4, 6]);
  });

  test('leaves a model alone whose rows depend on their batch', async () => {
    const golden = [
      [1, 1],
      [3, 3],
    ] as const;
    const scheduler = await open(await shelf.bundle({ model: ACCUMULATING, golden }));
    expect(scheduler.statistics().batchRows).toBe(1);
    const rows = await Promise.all([2, 4, 8].map(async (value) => scheduler.infer(x(value))));
    expect(rows.map(({ outputs }) => outputs['score']?.data[0])).toEqual([2, 4, 8]);
  });

  test('answers the others of a batch in which one run fails', async () => {
    const scheduler = await open(await shelf.bundle({ model: INDEXING, golden: [[0, 0]] }));
    const codes = [0, 0, 900, 0].map((value) => codeOf(scheduler.infer(x(value))));
    expect(await Promise.all(codes)).toEqual(['resolved', 'resolved', 'MODEL_RUN_FAILED', 'resolved']);
  });
});
