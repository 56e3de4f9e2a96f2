import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { expectedWindows, readCatalogBundle, windowedManifest } from '@shoal/models';
import { topics } from '@shoal/protocol';
import { DOUBLING, GARBAGE, HANGING, HANGING_ABOVE_1000 } from '../../models/test/hostile-models.ts';
import { BundleShelf, contentOf } from '../../models/test/test-bundles.ts';
import type { AgentConfigInput } from '../src/agent.ts';
import { agentAt, HandSensor, withAgent } from './fixtures/agent-fixture.ts';
import { codeOf, eventually, withFolder } from './fixtures/conditions.ts';
import { FleetFixture, withFleet } from './fixtures/fleet-fixture.ts';

/** Mean and standard deviation of a healthy pump, as the model's card has them. */
const HEALTHY: Readonly<Record<string, readonly [mean: number, deviation: number]>> = {
  Accelerometer1RMS: [0.02656, 0.00134],
  Accelerometer2RMS: [0.03978, 0.00265],
  Current: [0.99217, 0.27319],
  Pressure: [0.07056, 0.25892],
  Temperature: [69.4285, 0.3],
  Thermocouple: [26.4304, 0.05],
  Voltage: [231.537, 10.9752],
  'Volume Flow RateRMS': [32.0257, 0.73085],
};

/** Irregular, without chance: the fractional parts of multiples of irrational numbers, spread evenly around 0 with deviation 1. */
const wobble = (index: number, channel: number): number =>
  ((((index + 1) * Math.sqrt(2 + channel * 3) * 7.31) % 1) - 0.5) * Math.sqrt(12);
const T0 = Date.UTC(2020, 2, 9, 10, 0, 0);

/** A pump at one reading a second, with a gap and repeated stamps; the second half runs far too hot. */
const recording = (rows: number): string => {
  const stamps = Array.from(
    { length: rows },
    (_, index) => T0 + (index + (index > 70 ? 40 : 0) - (index % 50 === 49 ? 1 : 0)) * 1_000,
  );
  const header = `datetime;${Object.keys(HEALTHY).join(';')};anomaly;changepoint`;
  const lines = stamps.map((at, index) => {
    const values = Object.entries(HEALTHY).map(([name, [mean, deviation]], channel) => {
      const value = mean + deviation * wobble(index, channel);
      return name === 'Temperature' && index > rows / 2 ? value * 3 : value;
    });
    return [new Date(at).toISOString().slice(0, 19).replace('T', ' '), ...values, 0, 0].join(';');
  });
  return [header, ...lines].join('\r\n');
};

const events = (fleet: FleetFixture, kind: string): unknown[] =>
  fleet.distinct('events').filter((event) => 'kind' in event && event.kind === kind);

const shelf = new BundleShelf();
afterAll(() => shelf.dispose());

/** A window a second of one channel named x. */
const hostile = async (model: Uint8Array): Promise<string> => (await shelf.write(contentOf({ model }))).folder;
const second = (index: number, x: number) => ({ observedAt: 1_760_000_000_000 + index * 1_000, values: { x } });

describe('an agent with the shipped pump model', () => {
  it('stores every row of a recording and a prediction for every window of its plan', async () => {
    const { manifest } = await readCatalogBundle('pump-anomaly', '1.0.0');
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const file = join(folder, 'pump.csv');
        await writeFile(file, recording(400));
        const sensors = [{ type: 'replay', name: 'pump', file, speed: 1e6 } as const];
        const over = { sensors, models: [{ bundle: 'pump-anomaly', version: '1.0.0' }] };
        await withAgent({ folder, port: fleet.port, over }, async (agent) => {
          await agent.finished();
          expect(agent.status().sensors[0]).toMatchObject({ state: 'ended', rowsRead: 400 });
          expect(agent.status().models[0]?.inference).toMatchObject({ dropped: 0, failed: {} });
        });
        const readings = fleet.distinct('readings').sort((a, b) => a.sequence - b.sequence);
        const predictions = fleet.distinct('predictions').sort((a, b) => a.sequence - b.sequence);
        expect(readings).toHaveLength(400);
        const plan = expectedWindows(
          readings.map(({ observedAt }) => observedAt),
          windowedManifest(manifest).window,
        );
        expect(predictions.map((prediction) => ('window' in prediction ? prediction.window : null))).toEqual(plan);
        expect(plan.length).toBeGreaterThan(30);
        const verdicts = predictions.map((prediction) => {
          if (!('outputs' in prediction)) throw new Error('not a prediction');
          expect(prediction).toMatchObject({ source: 'edge', engine: 'native-child' });
          const exceeded = (prediction.outputs['score'] ?? 0) > (prediction.threshold ?? 0);
          expect(prediction.label).toBe(exceeded ? 'anomaly' : 'normal');
          return exceeded;
        });
        expect(verdicts.at(-1)).toBe(true);
        const edges = verdicts.filter((exceeded, index) => exceeded && verdicts[index - 1] !== true).length;
        expect(events(fleet, 'prediction.alarm')).toHaveLength(edges);
      }),
    );
  }, 60_000);

  it('judges by the desired threshold from the moment it arrives', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        const over = { models: [{ bundle: await hostile(DOUBLING), source: 'hand' }] };
        await expect(async () => agentAt({ folder, port: fleet.port, over, sensors: [sensor] })).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
        });
        await withAgent(
          { folder, port: fleet.port, over: { models: [{ bundle: over.models[0]?.bundle ?? '' }] }, sensors: [sensor] },
          async (agent) => {
            await eventually(
              () => agent.status().models[0]?.status === 'ready' && agent.status().uplink.state === 'connected',
            );
            sensor.give(second(0, 3), second(1, 3));
            await eventually(() => fleet.distinct('predictions').length === 1);
            fleet.send(topics.desiredTwin('pump-07'), {
              v: 1,
              version: 1,
              desired: { models: { hostile: { thresholds: { score: 5 } } } },
            });
            await eventually(() => agent.status().twin.appliedVersion === 1);
            sensor.give(second(2, 3));
            await eventually(() => fleet.distinct('predictions').length === 2);
          },
        );
        expect(fleet.distinct('predictions')).toMatchObject([
          { outputs: { score: 6 }, threshold: 10, label: 'low' },
          { outputs: { score: 6 }, threshold: 5, label: 'high' },
        ]);
      }),
    );
  }, 60_000);
});

describe('an agent with a model that misbehaves', () => {
  const run = async (bundle: string, use: (fleet: FleetFixture, folder: string) => Promise<void>): Promise<void> =>
    withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        const over = { models: [{ bundle }], inference: { hardLimitMs: 500, deadlineMs: 400 } };
        await withAgent({ folder, port: fleet.port, over, sensors: [sensor] }, async (agent) => {
          for (let index = 0; index < 10; index += 1) sensor.give(second(index, 2_000));
          await eventually(() => fleet.distinct('readings').length === 10);
          await use(fleet, folder);
          expect(agent.status().health.state).toBe('degraded');
          sensor.give(second(10, 1));
          await eventually(() => fleet.distinct('readings').length === 11);
        });
      }),
    );

  it('sends readings only, and says so, when no engine can run it', async () => {
    await run(await hostile(GARBAGE), async (fleet) => {
      await eventually(() => events(fleet, 'model.unavailable').length > 0);
      expect(fleet.distinct('predictions')).toEqual([]);
    });
  }, 60_000);

  it('sends readings only, and says so, when it hangs on every engine', async () => {
    await run(await hostile(HANGING), async (fleet) => {
      await eventually(() => events(fleet, 'model.unavailable').length > 0);
      expect(fleet.distinct('predictions')).toEqual([]);
    });
  }, 120_000);

  it('sends readings only when its bundle is missing or corrupt', async () => {
    const corrupt = await hostile(DOUBLING);
    await writeFile(join(corrupt, 'model.onnx'), 'changed');
    for (const [bundle, code] of [
      ['/nowhere/at-all', 'BUNDLE_MISSING'],
      [corrupt, 'BUNDLE_DIGEST_MISMATCH'],
      ['no-such-model', 'MODEL_NOT_IN_CATALOGUE'],
    ] as const) {
      await run(bundle, async (fleet) => {
        await eventually(() => events(fleet, 'model.unavailable').length > 0);
        expect(events(fleet, 'model.unavailable')[0]).toMatchObject({ data: { code } });
      });
    }
  }, 60_000);

  it('says that an engine failed when one window hangs it, and answers the windows after it', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        const over = {
          models: [{ bundle: await hostile(HANGING_ABOVE_1000) }],
          inference: { hardLimitMs: 1_000, deadlineMs: 20_000 },
        };
        await withAgent({ folder, port: fleet.port, over, sensors: [sensor] }, async (agent) => {
          sensor.give(second(0, 1), second(1, 5_000), second(2, 3), second(3, 4), second(4, 5));
          await eventually(() => fleet.distinct('predictions').length >= 3);
          expect(agent.status().models[0]?.inference.predictions).toBe(3);
        });
        expect(events(fleet, 'engine.failed').length).toBeGreaterThan(0);
        expect(fleet.distinct('readings')).toHaveLength(5);
      }),
    );
  }, 120_000);
});

describe('an agent', () => {
  it('shares its process with others, each with its own records', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensors: AgentConfigInput['sensors'] = [
          { type: 'synthetic', name: 's', rateHz: 200, channels: [{ name: 'a' }] },
        ];
        const agents = ['a', 'b', 'c'].map((deviceId) =>
          agentAt({ folder: join(folder, deviceId), port: fleet.port, over: { deviceId, sensors } }),
        );
        await Promise.all(agents.map((agent) => agent.start()));
        await eventually(() => agents.every((agent) => agent.status().counters.readings > 50));
        await Promise.all(agents.map((agent) => agent.stop()));
        for (const agent of agents) expect(agent.status().outbox.uncommitted).toBe(0);
        const sum = agents.reduce((total, agent) => total + agent.status().counters.readings, 0);
        expect(fleet.distinct('readings')).toHaveLength(sum);
      }),
    );
  }, 60_000);

  it('goes on without its local API when the port is taken, and says so', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        const over = { localApi: { port: fleet.port } };
        await withAgent({ folder, port: fleet.port, over, sensors: [sensor] }, async (agent) => {
          expect(agent.localUrl()).toBeNull();
          expect(agent.status().health.reasons).toMatchObject([{ code: 'LOCAL_API_UNAVAILABLE' }]);
          sensor.give(second(1, 1));
          await eventually(() => fleet.distinct('readings').length === 1);
        });
      }),
    );
  });

  it('refuses to share a data folder, and leaves the first one alone', async () => {
    await withFolder((folder) =>
      withFleet((fleet) =>
        withAgent({ folder, port: fleet.port }, async (agent) => {
          expect(await codeOf(agentAt({ folder, port: fleet.port }).start())).toBe('OUTBOX_LOCKED');
          expect(agent.status().outbox.health).toBe('ok');
        }),
      ),
    );
  });

  it('says that a sensor stopped when its recording is missing, and goes on when it appears', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const file = join(folder, 'later', 'pump.csv');
        const over = { sensors: [{ type: 'replay', name: 'pump', file, speed: 1e6 } as const] };
        await withAgent({ folder, port: fleet.port, over }, async (agent) => {
          await eventually(() => agent.status().sensors[0]?.state === 'failed');
          expect(agent.status().health.reasons).toMatchObject([{ code: 'SENSOR_STOPPED' }]);
          await mkdir(join(folder, 'later'));
          await writeFile(file, recording(30));
          await eventually(() => fleet.distinct('readings').length === 30);
          expect(agent.status().health.state).toBe('ok');
        });
        expect(events(fleet, 'sensor.stopped').length).toBeGreaterThan(0);
        expect(events(fleet, 'sensor.recovered')).toHaveLength(1);
      }),
    );
  }, 60_000);
});
