import { describe, expect, it } from '@jest/globals';
import { ModelError } from '@shoal/models';
import { InferenceLoop } from '../../src/inference/inference-loop.ts';
import type { ModelSlotRunner, SlotVerdict } from '../../src/inference/model-slot-runner.port.ts';
import type { NewRecord, Outbox } from '../../src/outbox/outbox.port.ts';
import { silentLogger } from '../../src/runtime.ts';
import type { AssembledWindow } from '../../src/windows/assembled-window.port.ts';
import { EventList } from '../fixtures/conditions.ts';

const window = (index: number): AssembledWindow => ({
  startAt: index * 1_000,
  endAt: index * 1_000 + 1_000,
  samples: [],
  samplesSeen: 0,
});
const verdict = (exceeded: boolean): SlotVerdict => ({
  outputs: { score: exceeded ? 2 : 0 },
  label: exceeded ? 'anomaly' : 'normal',
  threshold: 1,
  exceeded,
  engine: 'native-child',
  latencyMs: 0.5,
});

const loopWith = (infer: ModelSlotRunner['infer'], maxQueued = 4, abreast = 1) => {
  const put: NewRecord[] = [];
  const events = new EventList();
  const outbox = { enqueue: (record: NewRecord) => void put.push(record) } as unknown as Outbox;
  const slot: ModelSlotRunner = {
    model: { name: 'm', version: '1.0.0' },
    state: () => ({ status: 'ready', engine: 'native-child', reason: null }),
    abreast: () => abreast,
    infer,
  };
  const loop = new InferenceLoop({ slot, outbox, events, logger: silentLogger(), maxQueued });
  return { loop, put, events };
};

describe('the inference loop', () => {
  it('answers windows in order, one at a time', async () => {
    let running = 0;
    const { loop, put } = loopWith(async () => {
      running += 1;
      await Promise.resolve();
      expect(running).toBe(1);
      running -= 1;
      return verdict(false);
    }, 100);
    for (let index = 0; index < 20; index += 1) loop.offer(window(index));
    await loop.settled();
    expect(put.map(({ body }) => body.observedAt)).toEqual(
      Array.from({ length: 20 }, (_, index) => index * 1_000 + 1_000),
    );
  });

  it('answers several at a time where the slot does, and records them in order', async () => {
    const answers = Array.from({ length: 6 }, () => Promise.withResolvers<SlotVerdict>());
    let begun = 0;
    const { loop, put } = loopWith(() => (answers[begun++] ?? Promise.withResolvers<SlotVerdict>()).promise, 100, 3);
    for (let index = 0; index < 6; index += 1) loop.offer(window(index));
    expect([begun, loop.counters().queued]).toEqual([3, 3]);
    for (const { resolve } of answers.slice(1)) resolve(verdict(false));
    await Promise.resolve();
    expect(put).toEqual([]);
    answers[0]?.reject(new ModelError('ENGINE_TIMEOUT', 'late'));
    await loop.settled();
    expect(put.map(({ body }) => body.observedAt)).toEqual([2_000, 3_000, 4_000, 5_000, 6_000]);
    expect(loop.counters()).toMatchObject({ failed: { ENGINE_TIMEOUT: 1 }, queued: 0, predictions: 5 });
  });

  it('gives up the oldest waiting windows when it cannot keep up, counts them and says so once', async () => {
    const gate = Promise.withResolvers<SlotVerdict>();
    const { loop, put, events } = loopWith(() => gate.promise);
    for (let index = 0; index < 10; index += 1) loop.offer(window(index));
    gate.resolve(verdict(false));
    await loop.settled();
    expect(loop.counters()).toMatchObject({ predictions: 5, dropped: 5, queued: 0 });
    expect(put.map(({ body }) => body.observedAt)).toEqual([1_000, 7_000, 8_000, 9_000, 10_000]);
    expect(events.kinds()).toEqual(['windows.dropped']);
  });

  it('holds back a source that can wait, so that nothing is given up', async () => {
    const { loop } = loopWith(async () => verdict(false), 1);
    for (let index = 0; index < 30; index += 1) {
      loop.offer(window(index));
      await loop.ready();
    }
    await loop.settled();
    expect(loop.counters()).toMatchObject({ predictions: 30, dropped: 0 });
  });

  it('raises an alarm on the edge only', async () => {
    const pattern = [false, true, true, false, true];
    let index = 0;
    const { loop, events } = loopWith(async () => verdict(pattern[index++] === true), 100);
    for (let time = 0; time < pattern.length; time += 1) loop.offer(window(time));
    await loop.settled();
    expect(events.events.map(({ kind, facts }) => [kind, facts['endAt']])).toEqual([
      ['prediction.alarm', 2_000],
      ['prediction.alarm', 5_000],
    ]);
  });

  it('counts windows without an answer by their code and goes on', async () => {
    let index = 0;
    const { loop } = loopWith(async () => {
      index += 1;
      if (index < 3) throw new ModelError('WINDOW_INCOMPLETE', 'a channel is missing');
      return verdict(false);
    }, 100);
    for (let time = 0; time < 4; time += 1) loop.offer(window(time));
    await loop.settled();
    expect(loop.counters()).toMatchObject({ predictions: 2, failed: { WINDOW_INCOMPLETE: 2 } });
  });
});
