import { describe, expect, test } from '@jest/globals';
import { ModelScheduler, type SchedulerLimits } from '@shoal/models';
import { rowsOf, VirtualClock, VirtualModel } from './virtual-engine.ts';

const setUp = (limits: Partial<SchedulerLimits>) => {
  const clock = new VirtualClock();
  const model = new VirtualModel({ clock, a: 4, b: 1 });
  return { clock, model, scheduler: new ModelScheduler({ instances: [model], clock, limits }) };
};

const ask = async (scheduler: ModelScheduler, values: readonly number[], options = {}): Promise<number[]> => {
  const { outputs } = await scheduler.infer(rowsOf(values), options);
  return Array.from(outputs['y']?.data ?? [], Number);
};

describe('a scheduler whose line is full', () => {
  test('refuses unread what a full line has no place for, and counts it', async () => {
    const { scheduler, clock } = setUp({ maxBatchRows: 1, maxQueuedRows: 2 });
    const answers = [1, 2].map((value) => ask(scheduler, [value], { priority: -0.5 }));
    const overtakes = (): boolean => true;
    const stays = (): boolean => false;
    expect(scheduler.refuseUnread(-0.5, overtakes)).toBeUndefined();
    expect(scheduler.refuseUnread(-0.4, stays)).toBeUndefined();
    expect(scheduler.refuseUnread(-0.5, stays)).toMatchObject({ code: 'QUEUE_FULL', retryAfterMs: expect.any(Number) });
    expect(scheduler.statistics().failures.REJECTED).toBe(1);
    await clock.run();
    expect(await Promise.all(answers)).toEqual([[2], [4]]);
    expect(scheduler.refuseUnread(-0.5, stays)).toBeUndefined();
  });

  test('gives an engine its next full batch before it hands out the answers of the last', async () => {
    const { scheduler, clock, model } = setUp({ maxBatchRows: 2 });
    const runsAtAnswer: number[] = [];
    const answers = [1, 2, 3, 4, 5].map((value) =>
      ask(scheduler, [value]).then(() => runsAtAnswer.push(model.runs.length)),
    );
    await clock.run();
    await Promise.all(answers);
    expect(model.runs).toEqual([2, 2, 1]);
    expect(runsAtAnswer.slice(0, 2)).toEqual([2, 2]);
  });
});
