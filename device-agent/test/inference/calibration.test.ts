import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { collectionStep, WindowAssembler, type DeviceCalibrationRule, type FeatureVector } from '@shoal/models';
import fc from 'fast-check';
import {
  calibrationStateSchema,
  type CalibrationState,
  type FoundNormal,
} from '../../src/inference/calibration-state.ts';
import { Calibration } from '../../src/inference/calibration.ts';
import { StateFile } from '../../src/state-file.ts';
import { withFolder } from '../fixtures/conditions.ts';

const RULE = {
  method: 'device-normal',
  samples: 40,
  minimumWindows: 3,
  tolerances: { x: { absolute: 1, relative: 0 } },
  clip: 100,
  quantile: 1,
  factor: 1.5,
  steadyFactor: 4,
} as const satisfies DeviceCalibrationRule;
const SPEC = { lengthMs: 10_000, hopMs: 5_000, sampleRateHz: 1, minCoverage: 0.5 };

const meanOf = (values: readonly number[]): FeatureVector => ({
  viewHash: 'v',
  names: ['x'],
  values: Float32Array.of(values.reduce((sum, value) => sum + value, 0) / values.length),
});

const calibrationAt = (
  file: StateFile<CalibrationState>,
  found: FoundNormal[],
  digest = 'd',
  now = () => 123,
): Calibration =>
  new Calibration({
    rule: RULE,
    digest,
    samples: undefined,
    floor: 1,
    file,
    now,
    scores: async (vectors) => vectors.map(({ values }) => Math.abs(values[0] ?? 0)),
    onFound: (normal) => void found.push(normal),
    onSaved: (failure) => expect(failure).toBeUndefined(),
  });

const fileIn = (folder: string) => new StateFile(join(folder, 'calibration.json'), calibrationStateSchema);

/** Feeds one value a second, from `first` seconds on, through real windows. */
const feed = async (calibration: Calibration, values: readonly number[], first = 0): Promise<number[]> => {
  const assembler = new WindowAssembler({ spec: SPEC, channels: ['x'], allowedLatenessMs: 0, maxSamples: 1_000 });
  const fed: number[] = [];
  for (const [index, x] of values.entries()) {
    for (const window of assembler.add((first + index) * 1_000, { x })) {
      const vector = meanOf(window.samples.map((sample) => sample.values['x'] ?? 0));
      fed.push((await calibration.take(window, vector)).values[0] ?? Number.NaN);
    }
  }
  return fed;
};

const still = (length: number, value = 20): number[] => Array.from({ length }, () => value);

describe('a calibration', () => {
  it('learns from the first samples alone: what comes after them changes nothing', async () => {
    const values = fc.array(fc.double({ min: 10, max: 30, noNaN: true }), { minLength: 100, maxLength: 100 });
    await fc.assert(
      fc.asyncProperty(values, values, async (recorded, others) =>
        withFolder(async (folder) => {
          const found: FoundNormal[] = [];
          const otherwise: FoundNormal[] = [];
          await feed(calibrationAt(fileIn(join(folder, 'a')), found), recorded);
          const changed = recorded.map((value, i) => (i < RULE.samples ? value : (others[i] ?? 0)));
          await feed(calibrationAt(fileIn(join(folder, 'b')), otherwise), changed);
          expect(found).toHaveLength(1);
          expect(otherwise).toEqual(found);
        }),
      ),
      { numRuns: 10 },
    );
  });

  it('does use the samples before: a change among them changes it', async () => {
    await withFolder(async (folder) => {
      const found: FoundNormal[] = [];
      await feed(calibrationAt(fileIn(folder), found), still(60, 20));
      await feed(calibrationAt(fileIn(join(folder, 'b')), found), still(60, 21));
      expect(found.map(({ location }) => location)).toEqual([[20], [21]]);
      expect(found[0]).toMatchObject({ threshold: 1, isSteady: true, at: 123 });
    });
  });

  it('feeds deviations from what it knows so far, then from the normal', async () => {
    await withFolder(async (folder) => {
      const fed = await feed(calibrationAt(fileIn(folder), []), [...still(45, 20), ...still(30, 25)]);
      expect(fed[0]).toBe(0);
      expect(fed.at(-1)).toBe(5);
    });
  });

  it('goes on after a restart where it stopped, and keeps what it found', async () => {
    await withFolder(async (folder) => {
      const found: FoundNormal[] = [];
      const first = calibrationAt(fileIn(folder), found);
      await feed(first, still(26));
      await first.stop();
      const second = calibrationAt(fileIn(folder), found);
      await second.start();
      expect(second.report()).toEqual({ state: 'collecting', windows: 5 });
      await feed(second, still(40), 100);
      expect(found).toHaveLength(1);
      const third = calibrationAt(fileIn(folder), found);
      await third.start();
      expect(third.report()).toMatchObject({ state: 'calibrated', threshold: 1, since: 123 });
    });
  });

  it('loses a third of its windows to a power cut at most where they are rare, and none to a stop in good order', async () => {
    await withFolder(async (folder) => {
      let hours = 0;
      const running = calibrationAt(fileIn(folder), [], 'd', () => (hours += 1) * 3_600_000);
      await feed(running, still(31));
      const collected = running.report().windows;
      const cut = calibrationAt(fileIn(folder), []);
      await cut.start();
      expect(cut.report().windows).toBeGreaterThanOrEqual((collected * 2) / 3);
      expect(cut.report().windows).toBeLessThan(collected);
      await running.stop();
      const stopped = calibrationAt(fileIn(folder), []);
      await stopped.start();
      expect(stopped.report().windows).toBe(collected);
    });
  });

  it('writes no more often than every two minutes where they are not', async () => {
    await withFolder(async (folder) => {
      let second = 0;
      const running = calibrationAt(fileIn(folder), [], 'd', () => (second += 1) * 5_000);
      await feed(running, still(31));
      const cut = calibrationAt(fileIn(folder), []);
      await cut.start();
      expect(cut.report().windows).toBe(0);
      expect(running.report().windows).toBeGreaterThan(4);
    });
  });

  it('begins anew for another bundle', async () => {
    await withFolder(async (folder) => {
      await feed(calibrationAt(fileIn(folder), []), still(60));
      const other = calibrationAt(fileIn(folder), [], 'another');
      await other.start();
      expect(other.report()).toEqual({ state: 'collecting', windows: 0 });
    });
  });

  it('keeps the old normal until the new one is found', async () => {
    await withFolder(async (folder) => {
      const found: FoundNormal[] = [];
      const calibration = calibrationAt(fileIn(folder), found);
      await feed(calibration, still(60, 20));
      await calibration.restart();
      expect(calibration.report()).toMatchObject({ state: 'recalibrating', windows: found[0]?.windows });
      expect(calibration.normal?.location).toEqual([20]);
      const again = calibrationAt(fileIn(folder), found);
      await again.start();
      expect(again.report().state).toBe('recalibrating');
      await feed(again, still(60, 30), 1_000);
      expect(again.normal?.location).toEqual([30]);
      expect(again.report().state).toBe('calibrated');
    });
  });
});

describe('a step of a collection', () => {
  it('waits for its minimum even beyond its samples, and never holds more than its bound', () => {
    const rows = (length: number) => ({ samples: 0, rows: Array.from({ length }, () => [1]) });
    expect(collectionStep(RULE, rows(2), 10_000, 40)).toBe('collect');
    expect(collectionStep(RULE, rows(3), 40, 40)).toBe('collect');
    expect(collectionStep(RULE, rows(3), 41, 40)).toBe('conclude');
    expect(collectionStep(RULE, rows(1_000), 5, 40)).toBe('conclude');
  });
});
