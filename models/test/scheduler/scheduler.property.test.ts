import { describe, expect, jest, test } from '@jest/globals';
import { isModelError, ModelScheduler, type ModelErrorCode, type RequestRecord } from '@shoal/models';
import fc from 'fast-check';
import { KILLER, overwrite, POISON, rowsOf, VirtualClock, VirtualModel } from './virtual-engine.ts';

jest.setTimeout(60_000);

interface Ask {
  readonly at: number;
  readonly rows: number;
  readonly width: number;
  readonly priority: number;
  readonly deadlineMs: number | undefined;
  readonly cancelAfterMs: number | undefined;
  readonly fault: 'none' | 'poison' | 'killer';
}

const ask = (faults: Ask['fault'][], cancels: boolean): fc.Arbitrary<Ask> =>
  fc.record({
    at: fc.integer({ min: 0, max: 60 }),
    rows: fc.integer({ min: 1, max: 20 }),
    width: fc.integer({ min: 1, max: 2 }),
    priority: fc.integer({ min: -2, max: 2 }),
    deadlineMs: fc.option(fc.integer({ min: 1, max: 80 }), { nil: undefined }),
    cancelAfterMs: cancels
      ? fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined, freq: 4 })
      : fc.constant(undefined),
    fault: fc.constantFrom(...faults),
  });

const world = fc.record({
  instances: fc.integer({ min: 1, max: 3 }),
  maxBatchRows: fc.integer({ min: 1, max: 8 }),
  maxQueuedRows: fc.integer({ min: 8, max: 64 }),
  a: fc.integer({ min: 1, max: 6 }),
  b: fc.integer({ min: 0, max: 2 }),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

interface Outcome {
  readonly outcome: 'answer' | ModelErrorCode;
  readonly values: readonly number[];
  readonly afterMs: number;
}

/** Distinct for every row of every request, so that a mixed-up row shows. */
const valuesOf = ({ rows, fault }: Ask, index: number): number[] => {
  const values = Array.from({ length: rows }, (_, row) => (index + 1) * 100 + row);
  if (fault !== 'none') values[rows >> 1] = fault === 'poison' ? POISON : KILLER;
  return values;
};

const play = async (
  asks: readonly Ask[],
  { instances, a, b, ...limits }: World,
  warmUpRows: readonly number[] = [],
) => {
  const clock = new VirtualClock();
  const models = Array.from({ length: instances }, () => new VirtualModel({ clock, a, b, hangMs: 40 }));
  const records: RequestRecord[] = [];
  const [first, ...others] = models;
  if (first === undefined) throw new Error('No instance');
  const scheduler = new ModelScheduler({
    instances: [first, ...others],
    limits,
    clock,
    observer: { onRequest: (record) => void records.push(record) },
  });
  for (const rows of warmUpRows) {
    void scheduler.infer(rowsOf(Array.from({ length: rows }, () => 1)));
    await clock.run();
  }
  records.length = 0;
  const outcomes: Promise<Outcome>[] = [];
  for (const [index, one] of asks.entries()) {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    outcomes.push(promise);
    clock.after(one.at, () => {
      const controller = new AbortController();
      const { priority, deadlineMs, width, cancelAfterMs } = one;
      const options = { priority, ...(deadlineMs !== undefined && { deadlineMs }), signal: controller.signal };
      const startedAt = clock.now();
      const done = (outcome: Outcome['outcome'], values: readonly number[]) =>
        resolve({ outcome, values, afterMs: clock.now() - startedAt });
      const inputs = rowsOf(valuesOf(one, index), width);
      scheduler.infer(inputs, options).then(
        ({ outputs }) => done('answer', Array.from(outputs['y']?.data ?? [], Number)),
        (error: unknown) => done(isModelError(error) ? error.code : 'ENGINE_PROTOCOL_INVALID', []),
      );
      overwrite(inputs['x']);
      if (cancelAfterMs !== undefined) clock.after(cancelAfterMs, () => controller.abort());
    });
  }
  const largest = Math.max(0, ...asks.map(({ rows }) => rows));
  let mostWaiting = 0;
  await clock.run(() => {
    mostWaiting = Math.max(mostWaiting, scheduler.statistics().waitingRows);
  });
  const bound = Math.max(limits.maxQueuedRows, largest);
  return { outcomes: await Promise.all(outcomes), scheduler, models, records, mostWaiting, bound, clock };
};

const EXPECTED: Readonly<Record<Ask['fault'], readonly Outcome['outcome'][]>> = {
  none: ['answer'],
  poison: ['MODEL_RUN_FAILED'],
  killer: ['INPUT_BREAKS_MODEL'],
};
/** What may become of any request, by its own choice or for lack of time and room. */
const allowed = (one: Ask): readonly Outcome['outcome'][] => [
  ...EXPECTED[one.fault],
  'QUEUE_FULL',
  ...(one.cancelAfterMs === undefined ? [] : (['INFERENCE_CANCELED'] as const)),
  ...(one.deadlineMs === undefined ? [] : (['DEADLINE_UNMEETABLE', 'ENGINE_TIMEOUT'] as const)),
];

describe('any interleaving of requests', () => {
  test('gives every request the answer it would get alone, or one named error, exactly once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(ask(['none', 'none', 'poison'], true), { maxLength: 25 }), world, async (asks, one) => {
        const { outcomes, scheduler, records, mostWaiting, bound, clock, models } = await play(asks, one);
        for (const [i, asked] of asks.entries()) {
          expect(allowed(asked)).toContain(outcomes[i]?.outcome);
          const right = valuesOf(asked, i).map((value) => 2 * value * asked.width);
          expect(outcomes[i]?.values).toEqual(outcomes[i]?.outcome === 'answer' ? right : []);
        }
        expect(records).toHaveLength(asks.length);
        const answered = asks.filter((_, i) => outcomes[i]?.outcome === 'answer');
        const statistics = scheduler.statistics();
        expect(statistics.inferenceCount).toBe(answered.reduce((rows, asked) => rows + asked.rows, 0));
        expect(statistics.success.count + statistics.fail.count).toBe(asks.length);
        expect([statistics.pendingRequests, statistics.waitingRows, clock.pending]).toEqual([0, 0, 0]);
        expect(mostWaiting).toBeLessThanOrEqual(bound);
        expect(Math.max(0, ...models.flatMap(({ runs }) => runs))).toBeLessThanOrEqual(one.maxBatchRows);
      }),
      { numRuns: 300 },
    );
  });

  test('lets nobody suffer for a neighbour that breaks the engine', async () => {
    const faults: Ask['fault'][] = ['none', 'none', 'none', 'killer'];
    const patient = ask(faults, false).map((one) => ({ ...one, rows: Math.min(one.rows, 4), deadlineMs: undefined }));
    await fc.assert(
      fc.asyncProperty(fc.array(patient, { maxLength: 20 }), world, async (asks, one) => {
        const killers = asks.filter(({ fault }) => fault === 'killer').length;
        fc.pre(killers <= 2);
        const { outcomes, models } = await play(asks, { ...one, maxQueuedRows: 1_000 });
        expect(outcomes.map(({ outcome }) => outcome)).toEqual(asks.map(({ fault }) => EXPECTED[fault][0]));
        const lost = models.reduce((total, { losses }) => total + losses, 0);
        const pieces = asks.filter(({ fault }) => fault === 'killer').length;
        expect(lost).toBeLessThanOrEqual(2 * pieces);
      }),
      { numRuns: 150 },
    );
  });
});

describe('the promise of a deadline', () => {
  test('is kept for everybody who was admitted while the engine is as fast as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(ask(['none'], false), { maxLength: 30 }), world, async (asks, one) => {
        const { outcomes, models } = await play(asks, one, [1, one.maxBatchRows, 1, one.maxBatchRows]);
        for (const [i, { outcome, afterMs }] of outcomes.entries()) {
          expect(['answer', 'QUEUE_FULL', 'DEADLINE_UNMEETABLE']).toContain(outcome);
          expect(outcome === 'answer' ? afterMs : 0).toBeLessThanOrEqual((asks[i]?.deadlineMs ?? Infinity) + 0.01);
        }
        const run = new Set(models.flatMap(({ seen }) => seen));
        const refused = outcomes.flatMap(({ outcome }, i) => (outcome === 'DEADLINE_UNMEETABLE' ? [i] : []));
        expect(refused.map((i) => [outcomes[i]?.afterMs, run.has((i + 1) * 100)])).toEqual(
          refused.map(() => [0, false]),
        );
      }),
      { numRuns: 300 },
    );
  });
});
