import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { expectedWindows, readCatalogBundle, windowedManifest } from '@shoal/models';
import type { Prediction } from '@shoal/protocol';
import { HandSensor, withAgent } from './fixtures/agent-fixture.ts';
import { eventually, withFolder } from './fixtures/conditions.ts';
import { withFleet, type FleetFixture } from './fixtures/fleet-fixture.ts';

const MODELS = ['pump-anomaly', 'pump-condition'] as const;
/** Neither learns from the device first: both answer from the first window on. */
const VERSION = '1.0.0';
const T0 = Date.UTC(2026, 2, 9, 10, 0, 0);

/** A pump as its healthy sisters are on the average, without noise; `shaking` times as much vibration. */
const sample = (index: number, shaking = 1) => ({
  observedAt: T0 + index * 1_000,
  values: {
    Accelerometer1RMS: 0.027 * shaking,
    Accelerometer2RMS: 0.04 * shaking,
    Current: 0.992,
    Pressure: 0.0547,
    Temperature: 69.4,
    Thermocouple: 26.4,
    Voltage: 231.5,
    'Volume Flow RateRMS': 32,
  },
});

/** The process of an engine that this process started. */
const engineProcess = async (entry: string): Promise<number> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const seen = await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const isOurs = (await read('status')).includes(`PPid:\t${process.pid}\n`);
      return isOurs && (await read('cmdline')).includes(entry) ? [Number(pid)] : [];
    }),
  );
  return seen.flat()[0] ?? 0;
};

const predictionsOf = (fleet: FleetFixture, model: string): Prediction[] =>
  (fleet.distinct('predictions') as unknown as Prediction[])
    .filter((prediction) => prediction.model.name === model)
    .sort((a, b) => a.observedAt - b.observedAt);

describe('an agent with an ONNX and a TensorFlow.js model', () => {
  it('answers every window with both, also when the TensorFlow.js process is killed', async () => {
    const { manifest } = await readCatalogBundle('pump-condition', VERSION);
    const { window } = windowedManifest(manifest);
    const planUpTo = (samples: number) =>
      expectedWindows(
        Array.from({ length: samples }, (_, index) => T0 + index * 1_000),
        window,
      );
    const [before, plan] = [planUpTo(101), planUpTo(201)];
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        const over = { models: MODELS.map((bundle) => ({ bundle, version: VERSION })) };
        await withAgent({ folder, port: fleet.port, over, sensors: [sensor] }, async (agent) => {
          await eventually(() => agent.status().models.every(({ status }) => status === 'ready'));
          const states = agent.status().models.map(({ model, engine }) => [model.name, engine]);
          expect(states).toEqual([
            ['pump-anomaly', 'native-child'],
            ['pump-condition', 'tfjs-child'],
          ]);
          sensor.give(...Array.from({ length: 101 }, (_, index) => sample(index)));
          await eventually(() => predictionsOf(fleet, 'pump-condition').length === before.length);
          process.kill(await engineProcess('tfjs-child'), 'SIGKILL');
          sensor.give(...Array.from({ length: 100 }, (_, index) => sample(101 + index, 4)));
          await eventually(() => MODELS.every((model) => predictionsOf(fleet, model).length === plan.length));
          expect(agent.status().models.map(({ inference }) => inference)).toMatchObject([
            { predictions: plan.length, failed: {}, dropped: 0 },
            { predictions: plan.length, failed: {}, dropped: 0 },
          ]);
        });
        for (const model of MODELS)
          expect(predictionsOf(fleet, model).map((prediction) => prediction.window)).toEqual(plan);
        const conditions = predictionsOf(fleet, 'pump-condition');
        for (const { engine, outputs, label, confidence, threshold } of conditions) {
          expect(engine).toBe('tfjs-child');
          const labels = ['normal', 'valve-closing', 'leak', 'imbalance', 'cavitation'];
          expect(Object.keys(outputs).toSorted()).toEqual(labels.toSorted());
          expect(Object.values(outputs).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
          expect(outputs[label ?? '']).toBeCloseTo(confidence ?? 0, 6);
          expect(threshold).toBeGreaterThan(0.5);
        }
        expect([conditions[0]?.label, conditions.at(-1)?.label]).toEqual(['normal', 'imbalance']);
      }),
    );
  }, 120_000);
});
