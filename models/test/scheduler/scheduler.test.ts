import { describe, expect, jest, test } from '@jest/globals';
import { isModelError, ModelError, ModelScheduler, PRIORITIES, type ModelSchedulerOptions } from '@shoal/models';
import { codeOf } from '../conditions.ts';
import { KILLER, POISON, rowsOf, VirtualClock, VirtualModel, type VirtualModelOptions } from './virtual-engine.ts';

jest.setTimeout(30_000);

const GOLDEN: NonNullable<ModelSchedulerOptions['golden']> = {
  tolerance: { default: { absolute: 1e-5, relative: 1e-5 }, engines: {} },
  cases: [3, 5].map((value) => ({
    name: String(value),
    inputs: { x: { datatype: 'FP32', shape: [1, 1], data: [value] } },
    outputs: { y: { datatype: 'FP32', shape: [1, 1], data: [2 * value] } },
  })),
};

interface Setup {
  readonly model?: Partial<VirtualModelOptions>;
  readonly instances?: number;
  readonly options?: Partial<ModelSchedulerOptions>;
}

const setUp = async ({ model = {}, instances = 1, options = {} }: Setup = {}) => {
  const clock = new VirtualClock();
  const models = Array.from({ length: instances }, () => new VirtualModel({ clock, a: 4, b: 1, ...model }));
  const [first, ...others] = models;
  if (first === undefined) throw new Error('No instance');
  const scheduler = new ModelScheduler({ instances: [first, ...others], golden: GOLDEN, clock, ...options });
  const started = scheduler.start();
  await clock.run();
  await started;
  for (const one of models) one.runs.length = one.seen.length = 0;
  return { clock, model: first, models, scheduler };
};

const ask = async (scheduler: ModelScheduler, values: readonly number[], options = {}) =>
  scheduler.infer(rowsOf(values), options).then(
    ({ outputs }) => Array.from(outputs['y']?.data ?? [], Number),
    (error: unknown) => (isModelError(error) ? error.code : error),
  );

describe('a scheduler', () => {
  test('runs what arrives together as one batch, and what comes meanwhile as the next', async () => {
    const { scheduler, clock, model } = await setUp();
    const answers = [ask(scheduler, [1]), ask(scheduler, [2, 3])];
    clock.after(1, () => answers.push(ask(scheduler, [4]), ask(scheduler, [5])));
    await clock.run();
    expect(await Promise.all(answers)).toEqual([[2], [4, 6], [8], [10]]);
    expect(model.runs).toEqual([3, 2]);
  });

  test('waits past the deadline for a run that has begun, for whoever can use a late answer', async () => {
    const { scheduler, clock, model } = await setUp();
    model.delayMs = 50;
    const late = ask(scheduler, [1], { deadlineMs: 30, acceptsLate: true });
    const gone = ask(scheduler, [2], { deadlineMs: 30 });
    await clock.run();
    expect(await Promise.all([late, gone])).toEqual([[2], 'ENGINE_TIMEOUT']);
  });

  test('never joins requests of different shapes', async () => {
    const { scheduler, clock, model } = await setUp();
    const narrow = [1, 2].map((value) => scheduler.infer(rowsOf([value], 1)));
    const wide = [3, 4].map((value) => scheduler.infer(rowsOf([value], 2)));
    await clock.run();
    await Promise.all([...narrow, ...wide]);
    expect(model.runs).toEqual([2, 2]);
  });

  test('splits a request larger than a batch over all instances and joins it in order', async () => {
    const { scheduler, clock, models } = await setUp({ instances: 2, options: { limits: { maxBatchRows: 4 } } });
    const values = Array.from({ length: 10 }, (_, i) => i + 1);
    const answer = ask(scheduler, values);
    await clock.run();
    expect(await answer).toEqual(values.map((value) => 2 * value));
    expect(models.map(({ runs }) => runs)).toEqual([[3, 4], [3]]);
  });

  test('refuses what the engine cannot answer in time before it runs', async () => {
    const { scheduler, clock, model } = await setUp();
    const answers = [ask(scheduler, [1], { deadlineMs: 6 }), ask(scheduler, [2], { deadlineMs: 4 })];
    await clock.run();
    expect(await Promise.all(answers)).toEqual([[2], 'DEADLINE_UNMEETABLE']);
    expect(model.seen).toEqual([1]);
    expect(scheduler.statistics().failures).toMatchObject({ REJECTED: 1 });
  });

  test('ends a request at its deadline when the engine is slower than it was', async () => {
    const { scheduler, clock, model } = await setUp();
    model.slowness = 10;
    const late = ask(scheduler, [1], { deadlineMs: 8 });
    clock.after(1, () => void ask(scheduler, [2], { deadlineMs: 30 }));
    await clock.run();
    expect(await late).toBe('ENGINE_TIMEOUT');
    expect(scheduler.statistics()).toMatchObject({ droppedAnswers: 1, failures: { BACKEND: 1, REJECTED: 1 } });
    expect(model.seen).toEqual([1]);
  });

  test('stops a batch growing where a member would be late', async () => {
    const { scheduler, clock, model } = await setUp();
    const answers = [
      ask(scheduler, [1, 2], { deadlineMs: 7 }),
      ask(scheduler, [3], { deadlineMs: 30 }),
      ask(scheduler, [4], { deadlineMs: 31 }),
    ];
    await clock.run();
    expect(await Promise.all(answers)).toEqual([[2, 4], [6], [8]]);
    expect(model.runs).toEqual([3, 1]);
  });

  test('stops growing where a larger batch gains too little', async () => {
    const { scheduler, clock, model } = await setUp({ model: { a: 4, b: 4 } });
    const answers = Array.from({ length: 15 }, async (_, i) => ask(scheduler, [i]));
    await clock.run();
    await Promise.all(answers);
    expect(model.runs).toEqual([5, 5, 5]);
  });

  test('refuses what does not fit the line and says when to come back', async () => {
    const { scheduler, clock } = await setUp({ options: { limits: { maxBatchRows: 2, maxQueuedRows: 4 } } });
    const admitted = [ask(scheduler, [1, 2]), ask(scheduler, [3, 4])];
    const refused = await scheduler.infer(rowsOf([5])).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'QUEUE_FULL', retryable: true, retryAfterMs: 12 });
    await clock.run();
    expect(await Promise.all(admitted)).toEqual([
      [2, 4],
      [6, 8],
    ]);
  });

  test('lets the more important in by telling the least important to come back', async () => {
    const { scheduler, clock } = await setUp({ options: { limits: { maxBatchRows: 2, maxQueuedRows: 3 } } });
    const answers = [
      ask(scheduler, [1], { priority: PRIORITIES.BATCH }),
      ask(scheduler, [2], { priority: PRIORITIES.FALLBACK }),
      ask(scheduler, [3], { priority: PRIORITIES.REALTIME }),
      ask(scheduler, [4], { priority: PRIORITIES.LIVE_OWN_WINDOWS }),
      ask(scheduler, [5], { priority: PRIORITIES.BATCH }),
    ];
    await clock.run();
    expect(await Promise.all(answers)).toEqual(['QUEUE_FULL', [4], [6], [8], 'QUEUE_FULL']);
    expect(scheduler.statistics().displaced).toBe(1);
  });

  test('lets an important request take the time of a lesser one, which is told at once', async () => {
    const { scheduler, clock } = await setUp({ options: { limits: { maxBatchRows: 1 } } });
    const order: unknown[] = [];
    const note = async (name: string, options: object) =>
      order.push([name, await ask(scheduler, [1], options), clock.now()]);
    const startedAt = clock.now();
    void note('low', { deadlineMs: 6, priority: -1 });
    void note('high', { deadlineMs: 6, priority: 1 });
    void note('equal', { deadlineMs: 6, priority: 1 });
    await clock.run();
    expect(order.slice(0, 2)).toEqual(
      expect.arrayContaining([
        ['low', 'QUEUE_FULL', startedAt],
        ['equal', 'DEADLINE_UNMEETABLE', startedAt],
      ]),
    );
    expect(order.slice(2)).toEqual([['high', [2], startedAt + 5]]);
  });

  test('serves the least important in bounded time under a flood of more important ones', async () => {
    const { scheduler, clock } = await setUp({ model: { a: 40, b: 10 }, options: { limits: { maxBatchRows: 1 } } });
    const startedAt = clock.now();
    let servedAt = Infinity;
    void ask(scheduler, [7], { priority: PRIORITIES.BATCH }).then(() => (servedAt = clock.now() - startedAt));
    const flood = (): void => {
      void ask(scheduler, [1], { priority: PRIORITIES.REALTIME, deadlineMs: 5_000 });
      if (clock.now() - startedAt < 60_000) clock.after(50, flood);
    };
    flood();
    await clock.run();
    expect(servedAt).toBeGreaterThan(10_000);
    expect(servedAt).toBeLessThan(25_000);
  });

  test('takes withdrawn work out of the line, and drops the answer of what already runs', async () => {
    const { scheduler, clock, model } = await setUp({ options: { limits: { maxBatchRows: 1 } } });
    const [running, waiting] = [new AbortController(), new AbortController()];
    const answers = [
      ask(scheduler, [1], { signal: running.signal }),
      ask(scheduler, [2], { signal: waiting.signal }),
      ask(scheduler, [3]),
      ask(scheduler, [4], { signal: AbortSignal.abort() }),
    ];
    clock.after(1, () => {
      running.abort();
      waiting.abort();
      expect(scheduler.statistics().waitingRows).toBe(1);
    });
    await clock.run();
    expect(await Promise.all(answers)).toEqual(['INFERENCE_CANCELED', 'INFERENCE_CANCELED', [6], 'INFERENCE_CANCELED']);
    expect(model.seen).toEqual([1, 3]);
    expect(scheduler.statistics()).toMatchObject({ droppedAnswers: 1, failures: { CANCELED: 3 } });
  });

  test('finds one poisoned request of sixteen in two runs per halving, and answers the others', async () => {
    const { scheduler, clock, model } = await setUp();
    const answers = Array.from({ length: 16 }, async (_, i) => ask(scheduler, [i === 11 ? POISON : i]));
    await clock.run();
    expect(await Promise.all(answers)).toEqual(
      Array.from({ length: 16 }, (_, i) => (i === 11 ? 'MODEL_RUN_FAILED' : [2 * i])),
    );
    expect(model.runs.length).toBeLessThanOrEqual(1 + 2 * Math.log2(16));
  });

  test('loses two processes for one killer in a batch, and no more than three for any number', async () => {
    const { scheduler, clock, model } = await setUp();
    const one = [1, KILLER, 3, 4].map(async (value) => ask(scheduler, [value]));
    await clock.run();
    expect(await Promise.all(one)).toEqual([[2], 'INPUT_BREAKS_MODEL', [6], [8]]);
    expect(model.losses).toBe(2);
    const many = [KILLER, KILLER, KILLER, 4].map(async (value) => ask(scheduler, [value]));
    await clock.run();
    expect(await Promise.all(many)).toEqual([
      'INPUT_BREAKS_MODEL',
      'INPUT_BREAKS_MODEL',
      'ENGINE_CRASHED',
      'ENGINE_CRASHED',
    ]);
    expect(model.losses).toBe(5);
  });

  test('gives the work of an instance out of service to another one', async () => {
    const { scheduler, clock, models } = await setUp({ instances: 2, options: { limits: { maxBatchRows: 1 } } });
    const [first, second] = models;
    if (first === undefined || second === undefined) throw new Error('Two instances');
    first.outOfService = new ModelError('ENGINE_UNAVAILABLE', 'resting');
    const answers = [1, 2, 3].map(async (value) => ask(scheduler, [value]));
    await clock.run();
    expect(await Promise.all(answers)).toEqual([[2], [4], [6]]);
    second.outOfService = new ModelError('MODEL_QUARANTINED', 'broken');
    const none = ask(scheduler, [4]);
    await clock.run();
    expect(await none).toBe('ENGINE_UNAVAILABLE');
    first.outOfService = null;
    clock.after(600, () => void answers.push(ask(scheduler, [5])));
    await clock.run();
    expect(await answers[3]).toEqual([10]);
  });

  test('forms no batches for a model whose rows depend on each other', async () => {
    const { scheduler, clock, model } = await setUp({ model: { cumulative: true } });
    expect(scheduler.statistics().batchRows).toBe(1);
    const answers = [[1], [2], [3, 4]].map(async (values) => ask(scheduler, values));
    await clock.run();
    expect(await Promise.all(answers)).toEqual([[2], [4], [6, 14]]);
    expect(model.runs).toEqual([1, 1, 2]);
  });

  test('learns that the engine got faster even when it has to refuse everything', async () => {
    const { scheduler, clock, model } = await setUp();
    model.slowness = 100;
    for (let i = 0; i < 40; i += 1) {
      void ask(scheduler, [1]);
      await clock.run();
    }
    model.slowness = 1;
    const outcomes: unknown[] = [];
    const attempt = (): void => {
      void ask(scheduler, [1], { deadlineMs: 20 }).then((outcome) => outcomes.push(outcome));
      if (outcomes.length < 30) clock.after(300, attempt);
    };
    attempt();
    await clock.run();
    expect(outcomes[0]).toBe('DEADLINE_UNMEETABLE');
    expect(outcomes.at(-1)).toEqual([2]);
  });

  test('finishes what was admitted when it is drained, and takes nothing more', async () => {
    const { scheduler, clock } = await setUp({ options: { limits: { maxBatchRows: 1 } } });
    const answers = [ask(scheduler, [1]), ask(scheduler, [2])];
    let drainedAt = Infinity;
    const startedAt = clock.now();
    void scheduler.drain().then(() => (drainedAt = clock.now() - startedAt));
    expect(await ask(scheduler, [3])).toBe('MODEL_CLOSED');
    await clock.run();
    expect(await Promise.all(answers)).toEqual([[2], [4]]);
    expect(drainedAt).toBe(10);
    await scheduler.drain();
  });

  test('tells everybody when it is closed', async () => {
    const { scheduler, clock } = await setUp({ options: { limits: { maxBatchRows: 1 } } });
    const answers = [1, 2, 3].map((value) => codeOf(scheduler.infer(rowsOf([value]), { deadlineMs: 100 })));
    clock.after(1, () => void scheduler.close());
    await clock.run();
    expect(await Promise.all(answers)).toEqual(['MODEL_CLOSED', 'MODEL_CLOSED', 'MODEL_CLOSED']);
    expect(await codeOf(scheduler.infer(rowsOf([4])))).toBe('MODEL_CLOSED');
    expect([scheduler.statistics().pendingRequests, clock.pending]).toEqual([0, 0]);
  });

  test('refuses inputs that do not match the signature without a place in the line', async () => {
    const { scheduler } = await setUp();
    expect(await codeOf(scheduler.infer({}))).toBe('INPUT_MISSING');
    expect(await codeOf(scheduler.infer(rowsOf([Number.NaN])))).toBe('INPUT_NOT_FINITE');
    expect(scheduler.statistics().failures).toMatchObject({ OTHER: 2 });
  });

  test('counts as Triton does', async () => {
    const { scheduler, clock } = await setUp();
    const before = scheduler.statistics();
    const answers = [ask(scheduler, [1, 2, 3]), ask(scheduler, [4])];
    clock.after(1, () => answers.push(ask(scheduler, [5])));
    await clock.run();
    await Promise.all(answers);
    const after = scheduler.statistics();
    expect(before.inferenceCount).toBe(0);
    expect(after).toMatchObject({
      inferenceCount: 5,
      executionCount: 2,
      success: { count: 3, ns: (8 + 8 + 12) * 1e6 },
      queue: { count: 3, ns: 7e6 },
      computeInfer: { count: 3, ns: (8 + 8 + 5) * 1e6 },
      batches: [
        { batchSize: 1, computeInfer: { count: 1, ns: 5e6 } },
        { batchSize: 4, computeInfer: { count: 1, ns: 8e6 } },
      ],
    });
    expect(scheduler.stats()).toMatchObject({ engine: 'native-child', requests: 3, failures: 0, queued: 0 });
  });
});
