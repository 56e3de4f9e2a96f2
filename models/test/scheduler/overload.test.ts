import { describe, expect, jest, test } from '@jest/globals';
import { isModelError, ModelScheduler } from '@shoal/models';
import { rowsOf, VirtualClock, VirtualModel } from './virtual-engine.ts';

jest.setTimeout(60_000);

const DEADLINE_MS = 40;
const LASTS_MS = 600;
/** Rows per ms of a model with a = 4, b = 0.25 in batches of 64. */
const CAPACITY = 64 / (4 + 0.25 * 64);

/** In [0, 1), the same every time (mulberry32). */
const randomFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
};

/** Poisson arrivals of single rows at `load` times the capacity; an engine whose runs take up to `jitter` longer than its line. */
const flood = async (load: number, jitter: number) => {
  const random = randomFrom(7);
  const clock = new VirtualClock();
  const model = new VirtualModel({ clock, a: 4, b: 0.25 });
  const scheduler = new ModelScheduler({ instances: [model], clock });
  const counts = { inTime: 0, late: 0, refused: 0, refusedLater: 0 };
  const ask = async (): Promise<void> => {
    const startedAt = clock.now();
    model.slowness = 1 + jitter * random() ** 4;
    try {
      await scheduler.infer(rowsOf([1]), { deadlineMs: DEADLINE_MS });
      counts.inTime += 1;
    } catch (error) {
      const isTimeout = isModelError(error) && error.code === 'ENGINE_TIMEOUT';
      const isAtOnce = clock.now() === startedAt;
      counts[isTimeout ? 'late' : isAtOnce ? 'refused' : 'refusedLater'] += 1;
    }
  };
  const arrive = (): void => {
    void ask();
    if (clock.now() < LASTS_MS) clock.after(-Math.log(1 - random()) / (load * CAPACITY), arrive);
  };
  arrive();
  await clock.run();
  const admitted = counts.inTime + counts.late + counts.refusedLater;
  return { ...counts, keptShare: counts.inTime / admitted, goodput: counts.inTime / LASTS_MS / CAPACITY };
};

describe('three times more requests than the engine can answer', () => {
  test('leave the admitted their deadline and the engine its throughput; the others hear at once', async () => {
    const { keptShare, goodput, refused } = await flood(3, 0);
    expect(keptShare).toBeGreaterThanOrEqual(0.99);
    expect(goodput).toBeGreaterThanOrEqual(0.8);
    expect(refused).toBeGreaterThan(0);
  });

  test('do so on an engine whose runs take up to half longer than expected', async () => {
    const { keptShare, goodput } = await flood(3, 0.5);
    expect(keptShare).toBeGreaterThanOrEqual(0.95);
    expect(goodput).toBeGreaterThanOrEqual(0.6);
  });

  test('are what it takes: at half the capacity nobody is refused', async () => {
    const { inTime, keptShare, refused } = await flood(0.5, 0);
    expect([refused, keptShare]).toEqual([0, 1]);
    expect(inTime).toBeGreaterThan(LASTS_MS * CAPACITY * 0.4);
  });
});
