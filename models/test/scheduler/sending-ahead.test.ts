/** A busy engine gets its next batch before it is done with this one, when that batch has nothing to gain by waiting. */
import { describe, expect, test } from '@jest/globals';
import { ModelScheduler } from '@shoal/models';
import { KILLER, POISON, rowsOf, VirtualClock, VirtualModel } from './virtual-engine.ts';

const MAX_ROWS = 4;

/** A scheduler that knows its model: 2 ms and 1 ms a row. */
const settled = async (maxBatchRows = MAX_ROWS) => {
  const clock = new VirtualClock();
  const model = new VirtualModel({ clock, a: 2, b: 1 });
  const scheduler = new ModelScheduler({ instances: [model], clock, limits: { maxBatchRows, maxQueuedRows: 64 } });
  for (let run = 0; run < 40; run += 1) {
    const answer = scheduler.infer(rowsOf(Array.from({ length: 1 + (run % MAX_ROWS) }, () => 1)));
    await clock.run();
    await answer;
  }
  model.runs.splice(0);
  model.mostAtOnce = 0;
  return { clock, model, scheduler };
};

const outcome = (answer: Promise<{ readonly outputs: ReturnType<typeof rowsOf> }>): Promise<unknown> =>
  answer.then(
    ({ outputs }) => [...(outputs['y']?.data ?? [])],
    (error: unknown) => (error as { readonly code: unknown }).code,
  );

describe('a full batch that waits', () => {
  test('is with the engine before it is done, and is answered in its turn', async () => {
    const { clock, model, scheduler } = await settled();
    const answers = Array.from({ length: 12 }, (_, i) => outcome(scheduler.infer(rowsOf([i]))));
    await clock.run();
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 12 }, (_, i) => [2 * i]));
    expect([model.runs, model.mostAtOnce]).toEqual([[4, 4, 4], 2]);
  });

  test('costs the model of costs nothing: its time counts from when the engine turned to it', async () => {
    const { clock, scheduler } = await settled();
    const before = scheduler.statistics().singleRowMs;
    const answers = Array.from({ length: 64 }, (_, i) => scheduler.infer(rowsOf([i])));
    await clock.run();
    await Promise.all(answers);
    expect(scheduler.statistics().singleRowMs).toBeCloseTo(before, 6);
  });

  test('is not sent while it could still grow', async () => {
    const { clock, model, scheduler } = await settled();
    const answers = Array.from({ length: 7 }, (_, i) => outcome(scheduler.infer(rowsOf([i]))));
    await clock.run();
    await Promise.all(answers);
    expect([model.runs, model.mostAtOnce]).toEqual([[4, 3], 1]);
  });

  test('is not sent where rows run alone: each may still be overtaken or withdrawn', async () => {
    const { clock, model, scheduler } = await settled(1);
    const answers = Array.from({ length: 5 }, (_, i) => outcome(scheduler.infer(rowsOf([i]))));
    await clock.run();
    await Promise.all(answers);
    expect(model.mostAtOnce).toBe(1);
  });

  test('is not sent where a late engine would make it late', async () => {
    const { clock, model, scheduler } = await settled();
    const answers = Array.from({ length: 8 }, (_, i) => outcome(scheduler.infer(rowsOf([i]), { deadlineMs: 9 })));
    await clock.run();
    await Promise.all(answers);
    expect(model.mostAtOnce).toBe(1);
  });

  test('is not harmed by the one before it', async () => {
    for (const bad of [POISON, KILLER]) {
      const { clock, model, scheduler } = await settled();
      const values = [1, bad, 2, 3, 4, 5, 6, 7];
      const answers = values.map((value) => outcome(scheduler.infer(rowsOf([value]))));
      await clock.run();
      const outcomes = await Promise.all(answers);
      expect(outcomes.toSpliced(1, 1)).toEqual(values.toSpliced(1, 1).map((value) => [2 * value]));
      expect(outcomes[1]).toMatch(/^(MODEL_RUN_FAILED|INPUT_BREAKS_MODEL)$/);
      expect(model.mostAtOnce).toBe(2);
    }
  });
});
