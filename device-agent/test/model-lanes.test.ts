import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ReasonBoard } from '../src/health/reason-board.ts';
import type { FallbackDoor } from '../src/fallback/fallback-door.ts';
import type { ModelSlot } from '../src/inference/model-slot.ts';
import type { Outbox } from '../src/outbox/outbox.port.ts';
import { silentLogger, systemClock } from '../src/runtime.ts';
import { ModelLane, SamplePipeline, type Observation } from '../src/sample-pipeline.ts';
import type { SensorSource } from '../src/sensors/sensor-source.port.ts';
import type { AssembledWindow } from '../src/windows/assembled-window.port.ts';
import { EventList } from './fixtures/conditions.ts';

const recordingOf = (name: string, channel: string, canWait = true): SensorSource => ({
  name,
  channels: [channel],
  canWait,
  report: () => ({ rowsRead: 0, bad: {}, timeShiftMs: null }),
  samples: async function* () {},
});

interface Plan {
  readonly name: string;
  readonly sources: readonly string[];
  readonly channels: readonly string[];
  readonly allowedLatenessMs?: number;
  readonly maxQueued?: number;
  readonly joinWaitMs?: number;
  readonly turns?: number;
}

/** Models of windows of a second that count their samples; each inference takes some turns of the event loop. */
const pipelineOf = (plans: readonly Plan[]) => {
  const outbox = { enqueue: () => undefined, ready: async () => undefined } as unknown as Outbox;
  const seen = new Map<string, AssembledWindow[]>(plans.map(({ name }) => [name, []]));
  const observed: Observation[] = [];
  const pipeline = new SamplePipeline({
    outbox,
    everyNthReading: () => 1,
    observe: (observation) => void observed.push(observation),
  });
  const lanes = plans.map(
    ({ name, sources, channels, allowedLatenessMs = 0, maxQueued = 1, joinWaitMs = 1_000, turns = 3 }) => {
      const slot = {
        model: { name, version: '1.0.0' },
        bundle: {
          manifest: { window: { lengthMs: 1_000, hopMs: 1_000, sampleRateHz: 1, minCoverage: 0, channels } },
        },
        state: () => ({ status: 'ready', engine: 'native-child', reason: null }),
        infer: async (window: AssembledWindow) => {
          for (let i = 0; i < turns; i += 1) await turn();
          seen.get(name)?.push(window);
          const outputs = { count: window.samples.length };
          return { outputs, label: 'normal', threshold: 1, exceeded: false, engine: 'native-child', latencyMs: 1 };
        },
      } as unknown as ModelSlot & FallbackDoor;
      return new ModelLane({
        slot,
        runner: slot,
        stream: `model:${name}`,
        sources,
        joinWaitMs,
        allowedLatenessMs,
        maxSamples: 1_000,
        maxQueued,
        health: new ReasonBoard(systemClock),
        outbox,
        events: new EventList(),
        logger: silentLogger(),
        onPrediction: pipeline.predicted.bind(pipeline),
      });
    },
  );
  pipeline.setLanes(lanes);
  return { pipeline, lanes, seen, observed };
};

describe('a chain of models', () => {
  it('answers the last windows of the first before those of the second, and drops none for want of room', async () => {
    const { pipeline, lanes, seen } = pipelineOf([
      { name: 'third', sources: ['model:second'], channels: ['count'], turns: 30 },
      { name: 'second', sources: ['model:first'], channels: ['count'], allowedLatenessMs: 100_000 },
      { name: 'first', sources: ['pump'], channels: ['x'], allowedLatenessMs: 5_000 },
    ]);
    const pump = recordingOf('pump', 'x');
    for (let second = 0; second < 30; second += 1) {
      await pipeline.deliver(pump, { observedAt: second * 1_000, values: { x: 1 } });
    }
    await pipeline.sourceEnded('pump');
    await pipeline.settled();
    // Windows of the first end at 1 s to 29 s; each further model lacks the one that its last sample only begins.
    expect([...seen].map(([name, windows]) => [name, windows.length])).toEqual([
      ['third', 27],
      ['second', 28],
      ['first', 29],
    ]);
    expect(lanes.map(({ loop }) => loop.counters().dropped)).toEqual([0, 0, 0]);
  });

  it('does not wait for a model that is not there', async () => {
    const { pipeline, seen } = pipelineOf([
      { name: 'second', sources: ['pump', 'model:gone'], channels: ['x'], joinWaitMs: 1e9 },
    ]);
    const pump = recordingOf('pump', 'x', false);
    for (const at of [0, 1_000, 2_000]) await pipeline.deliver(pump, { observedAt: at, values: { x: 1 } });
    await pipeline.settled();
    expect(seen.get('second')).toHaveLength(2);
  });
});

describe('two recordings of one model', () => {
  const both = { name: 'm', sources: ['a', 'b'], channels: ['x', 'y'] };

  it('lose nothing when one of them leaps ahead by far', async () => {
    const { pipeline, lanes, seen } = pipelineOf([both]);
    const [a, b] = [recordingOf('a', 'x'), recordingOf('b', 'y')];
    const ahead = (async () => {
      for (const at of [0, 1_000, 500_000]) await pipeline.deliver(a, { observedAt: at, values: { x: at } });
      await pipeline.sourceEnded('a');
    })();
    for (let at = 0; at < 20_000; at += 500) await pipeline.deliver(b, { observedAt: at, values: { y: at } });
    await pipeline.sourceEnded('b');
    await ahead;
    await pipeline.settled();
    expect(lanes[0]?.assembler.counters()).toMatchObject({ late: 0, emitted: 20 });
    expect(seen.get('m')?.map(({ samples }) => samples.length)).toEqual([3, 3, ...Array.from({ length: 18 }, () => 2)]);
  });

  it('are let go when the agent gives up waiting', async () => {
    const { pipeline } = pipelineOf([both]);
    const waiting = pipeline.deliver(recordingOf('a', 'x'), { observedAt: 500_000, values: { x: 1 } });
    pipeline.abandon();
    await expect(waiting).resolves.toBeUndefined();
  });

  it('of the world are waited for no longer than was said', async () => {
    const { pipeline, seen } = pipelineOf([{ ...both, maxQueued: 10 }]);
    const a = recordingOf('a', 'x', false);
    for (let at = 0; at <= 5_000; at += 1_000) await pipeline.deliver(a, { observedAt: at, values: { x: at } });
    await pipeline.settled();
    expect(seen.get('m')?.map(({ endAt }) => endAt)).toEqual([1_000, 2_000, 3_000, 4_000]);
  });
});

describe('a value that is not to be trusted', () => {
  it('is kept from models and from who observes', async () => {
    const { pipeline, seen, observed } = pipelineOf([{ name: 'm', sources: ['pump'], channels: ['x'] }]);
    const pump = recordingOf('pump', 'x');
    await pipeline.deliver(pump, { observedAt: 0, values: { x: 999, z: 1 }, withheld: ['x'] });
    await pipeline.deliver(pump, { observedAt: 1_000, values: { x: 1, z: 1 } });
    await pipeline.settled();
    expect(seen.get('m')?.[0]?.samples).toEqual([{ observedAt: 0, values: { x: null } }]);
    expect(observed[0]?.values).toEqual({ x: null, z: 1 });
  });
});
