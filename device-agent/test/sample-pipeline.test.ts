import { describe, expect, it } from '@jest/globals';
import type { FallbackDoor } from '../src/fallback/fallback-door.ts';
import type { ModelSlot } from '../src/inference/model-slot.ts';
import type { Outbox } from '../src/outbox/outbox.port.ts';
import { silentLogger, systemClock } from '../src/runtime.ts';
import { ReasonBoard } from '../src/health/reason-board.ts';
import { ModelLane, SamplePipeline } from '../src/sample-pipeline.ts';
import type { SensorSource } from '../src/sensors/sensor-source.port.ts';
import { EventList, eventually } from './fixtures/conditions.ts';

const VERDICT = { outputs: {}, label: 'normal', threshold: 1, exceeded: false, engine: 'native-child', latencyMs: 1 };
const SPEC = { lengthMs: 1_000, hopMs: 1_000, sampleRateHz: 1, minCoverage: 0, channels: ['a'] };

const outbox = { enqueue: () => undefined, ready: async () => undefined } as unknown as Outbox;

/** A model whose engine starts when `engine` resolves; one window may wait for it. */
const laneWith = (engine: Promise<void>): ModelLane => {
  const slot = {
    model: { name: 'm', version: '1.0.0' },
    bundle: { manifest: { window: SPEC } },
    state: () => ({ status: 'loading', engine: null, reason: null }),
    infer: async () => engine.then(() => VERDICT),
  } as unknown as ModelSlot & FallbackDoor;
  return new ModelLane({
    slot,
    runner: slot,
    stream: 'model:m',
    sources: ['pump'],
    joinWaitMs: 1_000,
    onPrediction: async () => undefined,
    // Late enough that nothing closes before the last sample does it for all.
    allowedLatenessMs: 100_000,
    maxSamples: 1_000,
    maxQueued: 1,
    health: new ReasonBoard(systemClock),
    outbox,
    events: new EventList(),
    logger: silentLogger(),
  });
};

const pipelineOf = (lanes: readonly ModelLane[]): SamplePipeline => {
  const pipeline = new SamplePipeline({ outbox, everyNthReading: () => 1 });
  pipeline.setLanes(lanes);
  return pipeline;
};

const sourceThat = (canWait: boolean): SensorSource => ({
  name: 'pump',
  channels: ['a'],
  canWait,
  report: () => ({ rowsRead: 0, bad: {}, timeShiftMs: null }),
  samples: async function* () {},
});

describe('one sample that closes many windows at once', () => {
  const feed = async (canWait: boolean) => {
    const engine = Promise.withResolvers<void>();
    const lane = laneWith(engine.promise);
    const pipeline = pipelineOf([lane]);
    const source = sourceThat(canWait);
    for (let second = 0; second < 20; second += 1) {
      await pipeline.deliver(source, { observedAt: second * 1_000, values: { a: second } });
    }
    const last = pipeline.deliver(source, { observedAt: 500_000, values: { a: 0 } });
    engine.resolve();
    await last;
    await pipeline.sourceEnded('pump');
    await pipeline.settled();
    return lane.loop.counters();
  };

  it('costs none of them when the source can wait', async () => {
    expect(await feed(true)).toMatchObject({ predictions: 20, dropped: 0 });
  });

  it('costs the oldest, counted, when it cannot', async () => {
    const { predictions, dropped } = await feed(false);
    expect(dropped).toBeGreaterThan(0);
    expect(predictions + dropped).toBe(20);
  });
});

it('the last windows of a model do not wait for another one that hangs', async () => {
  const never = Promise.withResolvers<void>();
  const [hanging, tame] = [laneWith(never.promise), laneWith(Promise.resolve())];
  const pipeline = pipelineOf([hanging, tame]);
  for (const observedAt of [0, 1_000]) await pipeline.deliver(sourceThat(false), { observedAt, values: { a: 1 } });
  const ended = pipeline.sourceEnded('pump');
  await eventually(() => tame.loop.counters().predictions > 0);
  expect(tame.loop.counters().predictions).toBe(1);
  never.resolve();
  await ended;
});
