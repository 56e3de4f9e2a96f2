/** The shipped pump-health on pumps of the simulator, whose physics it was not trained on. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createNativeEngine, readCatalogBundle, type ModelHandle } from '@shoal/models';
import type { PumpFault } from '../../src/physics/pump-faults.ts';
import { sisterStream } from '../../src/physics/pump-stream.ts';

jest.setTimeout(60_000);
const DAYS = 7;
const SAMPLES_A_DAY = 6;
/** In the order of the bundle's vector. */
const LEVELS = ['Volume Flow RateRMS', 'Current', 'Temperature', 'Pressure', 'Accelerometer1RMS'] as const;

type Wearing = Pick<Exclude<PumpFault, { kind: 'sensor-stuck' }>, 'kind' | 'severity'>;
const AT_ONCE = { onsetMs: 0, rampMs: 0 };

const engine = createNativeEngine();
let model: ModelHandle;
beforeAll(async () => {
  model = await engine.load(await readCatalogBundle('pump-health', '1.0.0'));
});
afterAll(() => engine.close());

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** What the sensors show in the second of two minutes, with faults as far as they have grown by then. */
const levelsAt = (seed: string, fault: Wearing | undefined, worn: number): number[] => {
  const faults: PumpFault[] = fault === undefined ? [] : [{ ...AT_ONCE, ...fault, severity: fault.severity * worn }];
  const stream = sisterStream(seed, faults);
  const samples = Array.from({ length: 120 }, () => stream.next(1_000)).slice(60);
  return LEVELS.map((channel) => mean(samples.map((values) => values[channel])));
};

/** Day means beside week means of a pump after a week in which it wore from new to half, as the views of the server give them. */
const weekOf = (seed: string, fault?: Wearing): number[] => {
  const days = Array.from({ length: DAYS }, (_, day) => {
    const moments = Array.from({ length: SAMPLES_A_DAY }, (__, moment) =>
      levelsAt(seed, fault, (day + (moment + 0.5) / SAMPLES_A_DAY) / (2 * DAYS)),
    );
    return LEVELS.map((_level, i) => mean(moments.map((levels) => levels[i] ?? 0)));
  });
  const week = LEVELS.map((_, i) => mean(days.map((day) => day[i] ?? 0)));
  return [...(days.at(-1) ?? []), ...week, SAMPLES_A_DAY, SAMPLES_A_DAY * DAYS];
};

const judge = async (rows: readonly (readonly number[])[]): Promise<{ health: number; days: number }[]> => {
  const data = Float32Array.from(rows.flat());
  const shape = [rows.length, data.length / rows.length];
  const { outputs } = await model.infer({ features: { datatype: 'FP32', shape, data } });
  return rows.map((_, row) => ({
    health: Number(outputs['health']?.data[row]),
    days: Number(outputs['daysToThreshold']?.data[row]),
  }));
};

describe('pump-health on simulated pumps', () => {
  test('knows a sound pump, a clogging one and one out of balance, and when they are due', async () => {
    // Worn out is a valve closed by 0.4, or an imbalance of 0.25.
    const [sound, clogging, shaking] = await judge([
      weekOf('a'),
      weekOf('b', { kind: 'valve-closing', severity: 0.4 }),
      weekOf('c', { kind: 'imbalance', severity: 0.25 }),
    ]);
    expect(sound?.health).toBeGreaterThan(0.85);
    expect(sound?.days).toBeGreaterThan(60);
    for (const worn of [clogging, shaking]) {
      expect(worn?.health).toBeGreaterThan(0.35);
      expect(worn?.health).toBeLessThan(0.65);
      expect(worn?.days).toBeLessThan(4);
    }
  });
});
