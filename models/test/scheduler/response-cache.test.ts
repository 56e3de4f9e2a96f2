import { describe, expect, test } from '@jest/globals';
import { CachedModel, responseKey, type InferOptions } from '@shoal/models';
import fc from 'fast-check';
import { codeOf } from '../conditions.ts';
import { overwrite, POISON, rowsOf, VirtualClock, VirtualModel } from './virtual-engine.ts';

const setUp = (maxBytes = 10_000) => {
  const clock = new VirtualClock();
  const model = new VirtualModel({ clock, a: 5, b: 0 });
  const cached = new CachedModel(model, { modelSha256: 'a'.repeat(64), ttlMs: 100, maxBytes, clock });
  const ask = async (value: number, options?: InferOptions) =>
    cached.infer(rowsOf([value]), options).then(({ outputs }) => outputs['y']?.data[0]);
  return { clock, model, cached, ask };
};

describe('a cached model', () => {
  test('answers the same question from memory until it is too old, with a copy', async () => {
    const { clock, model, cached, ask } = setUp();
    const first = cached.infer(rowsOf([4]));
    await clock.run();
    const { outputs } = await first;
    overwrite(outputs['y']);
    const kept = await cached.infer(rowsOf([4]));
    overwrite(kept.outputs['y']);
    expect(await ask(4)).toBe(8);
    expect(model.runs).toHaveLength(1);
    clock.after(100, () => void ask(4));
    await clock.run();
    expect(model.runs).toHaveLength(2);
    expect(cached.cacheStatistics()).toMatchObject({ hits: 2, misses: 2, entries: 1 });
  });

  test('runs once for many who ask the same at a time, and waits no longer than each of them', async () => {
    const { clock, model, cached, ask } = setUp();
    const controller = new AbortController();
    const answers = [ask(4), ask(4), codeOf(ask(4, { deadlineMs: 2 })), codeOf(ask(4, { signal: controller.signal }))];
    answers.push(codeOf(ask(4, { signal: AbortSignal.abort() })));
    clock.after(1, () => controller.abort());
    await clock.run();
    expect(await Promise.all(answers)).toEqual([8, 8, 'ENGINE_TIMEOUT', 'INFERENCE_CANCELED', 'INFERENCE_CANCELED']);
    expect(model.runs).toHaveLength(1);
    expect(cached.cacheStatistics()).toMatchObject({ joined: 1, misses: 1 });
  });

  test('keeps no error and gives nobody another one’s', async () => {
    const { clock, model, cached, ask } = setUp();
    const answers = [1, 2].map(() => codeOf(ask(POISON)));
    clock.after(10, () => {
      model.slowness = 2;
    });
    await clock.run();
    expect(await Promise.all(answers)).toEqual(['MODEL_RUN_FAILED', 'MODEL_RUN_FAILED']);
    expect(model.runs).toHaveLength(2);
    expect(cached.cacheStatistics().entries).toBe(0);
  });

  test('never holds more than its bytes, and lets go of the least recently used', async () => {
    const { clock, model, cached, ask } = setUp(1_100);
    for (const value of [1, 2, 1, 3, 1, 2]) {
      void ask(value);
      await clock.run();
      expect(cached.cacheStatistics().bytes).toBeLessThanOrEqual(1_100);
    }
    expect(model.seen).toEqual([1, 2, 3, 2]);
  });

  test('is closed with its model', async () => {
    const { cached } = setUp();
    await cached.close();
    expect(await codeOf(cached.infer(rowsOf([1])))).toBe('MODEL_CLOSED');
  });
});

describe('the key of a response', () => {
  const bytes = fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 3 });

  test('differs wherever model, name, shape or data differ', () => {
    const key = (values: number[], width: number) => responseKey('m', rowsOf(values, width));
    expect(key([1, 1], 1)).not.toBe(key([1], 2));
    expect(key([1], 1)).not.toBe(responseKey('n', rowsOf([1])));
    expect(key([1], 1)).toBe(responseKey('m', rowsOf([1])));
  });

  test('is the same for lists of bytes only when they are', () => {
    const keyOf = (data: readonly Uint8Array[]) =>
      responseKey('m', { x: { datatype: 'BYTES', shape: [data.length], data } });
    fc.assert(
      fc.property(bytes, bytes, (one, other) => {
        const isSame = JSON.stringify(one.map((item) => [...item])) === JSON.stringify(other.map((item) => [...item]));
        expect(keyOf(one) === keyOf(other)).toBe(isSame);
      }),
    );
  });
});
