import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseChildMessage } from '../../../src/engine/child/framing.ts';
import { RequestQueue } from '../../../src/engine/child/request-queue.ts';
import { killAfterMs, residentBytesOf } from '../../../src/engine/child/watchdog.ts';

describe('messages of an engine process', () => {
  test('are taken when they are whole', () => {
    const tensor = { datatype: 'FP32', shape: [1], data: Float32Array.of(1) };
    for (const message of [
      { type: 'hello', runtime: 'r' },
      { type: 'loaded', id: 1, inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }], outputs: [], runtime: 'r' },
      { type: 'inferred', id: 2, outputs: { y: tensor }, elapsedMs: 0.1 },
      { type: 'unloaded', id: 3 },
      { type: 'failed', id: 4, code: 'MODEL_RUN_FAILED', message: 'no' },
    ])
      expect(parseChildMessage(message)).toBe(message);
  });

  test.each([
    [null],
    ['hello'],
    [[]],
    [{ type: 'constructor', id: 1 }],
    [{ type: 'hello' }],
    [{ type: 'unloaded', id: 1.5 }],
    [{ type: 'failed', id: 1, code: 'NO_SUCH_CODE', message: '' }],
    [{ type: 'inferred', id: 1, outputs: { y: 1 }, elapsedMs: 1 }],
    [{ type: 'inferred', id: 1, outputs: {}, elapsedMs: '1' }],
    [{ type: 'loaded', id: 1, inputs: [{}], outputs: [], runtime: 'r' }],
    [{ type: 'loaded', id: 1, inputs: [], outputs: [] }],
  ])('are refused when they are %j', (message) => {
    expect(parseChildMessage(message)).toBeNull();
  });

  test('of any other kind are refused without an exception', () => {
    fc.assert(fc.property(fc.anything(), (value) => expect(parseChildMessage(value)).toBeNull()));
  });
});

describe('the request queue', () => {
  test('gives back everything by priority, then by arrival', () => {
    const items = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 40 });
    fc.assert(
      fc.property(items, (priorities) => {
        const queue = new RequestQueue<{ priority: number; arrival: number }>(40);
        priorities.forEach((priority, arrival) => expect(queue.push({ priority, arrival })).toBe(true));
        const taken = priorities.map(() => queue.shift());
        const expected = priorities
          .map((priority, arrival) => ({ priority, arrival }))
          .toSorted((a, b) => b.priority - a.priority);
        expect(taken).toEqual(expected);
        expect(queue.shift()).toBeUndefined();
      }),
    );
  });

  test('refuses what exceeds its capacity and takes out what is withdrawn', () => {
    const queue = new RequestQueue<{ priority: number }>(2);
    const [a, b] = [{ priority: 0 }, { priority: 0 }];
    expect([queue.push(a), queue.push(b), queue.push({ priority: 9 })]).toEqual([true, true, false]);
    expect(queue.remove((item) => item === a)).toEqual([a]);
    expect(queue.length).toBe(1);
  });
});

describe('the watchdog', () => {
  test('kills at the hard limit without a deadline, and well after a deadline', () => {
    expect(killAfterMs(undefined, 30_000)).toBe(30_000);
    expect(killAfterMs(10, 30_000)).toBe(1_000);
    expect(killAfterMs(2_000, 30_000)).toBe(8_000);
    expect(killAfterMs(20_000, 30_000)).toBe(30_000);
  });

  test('reads resident pages', () => {
    expect(residentBytesOf('314280 27443 13005 12040 0 37402 0\n')).toBe(27_443 * 4_096);
    expect(residentBytesOf('')).toBeNull();
  });
});
