/** A backtest sees what the device saw: stored samples, replayed, give the same normal, the same windows and the same inputs of the model. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  catalogFolder,
  deviceCalibration,
  evaluateFeatureView,
  isModelError,
  ownThreshold,
  readBundle,
  windowedManifest,
  WindowAssembler,
  WindowReplay,
  type AssembledWindow,
  type FeatureVector,
  type WindowedManifest,
  type WindowSample,
} from '@shoal/models';
import fc from 'fast-check';
import { calibrationStateSchema, type FoundNormal } from '../../src/inference/calibration-state.ts';
import { Calibration } from '../../src/inference/calibration.ts';
import { StateFile } from '../../src/state-file.ts';
import { withFolder } from '../fixtures/conditions.ts';

const sizeOf = ({ values }: FeatureVector): number => values.reduce((sum, value) => sum + Math.abs(value), 0);

/** Undefined where the samples give the model nothing to look at, which leaves the window unanswered. */
const vectorOf = ({ featureView }: WindowedManifest, window: AssembledWindow): FeatureVector | undefined => {
  try {
    return evaluateFeatureView(featureView, window);
  } catch (error) {
    if (isModelError(error)) return undefined;
    throw error;
  }
};

/** About a second from one to the next, sometimes with a gap or without one of the values. */
const stepsArbitrary = fc.array(
  fc.record({
    ms: fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 900, max: 1_100 }) },
      fc.integer({ min: 2_000, max: 60_000 }),
    ),
    unrest: fc.double({ min: -1, max: 1, noNaN: true }),
    isHoled: fc.boolean(),
  }),
  { minLength: 450, maxLength: 700 },
);

/** Samples from the first of these to before the second lack that value: for longer than a window, when it is many. */
const outageArbitrary = fc.tuple(fc.nat(450), fc.nat(100)).map(([from, length]) => [from, from + length] as const);

test('the replay of stored samples feeds a model as the device fed it', async () => {
  const { manifest, digest } = await readBundle(join(catalogFolder(), 'pump-anomaly', '1.1.0'), {
    signaturePolicy: 'allow-unsigned',
  });
  const windowed = windowedManifest(manifest);
  const rule = deviceCalibration(manifest)!;
  const { window: spec } = windowed;
  await fc.assert(
    fc.asyncProperty(stepsArbitrary, outageArbitrary, async (steps, [outFrom, outUntil]) => {
      let observedAt = 1_760_000_000_000;
      const samples = steps.map(({ ms, unrest, isHoled }, n): WindowSample => {
        observedAt += ms;
        const isOut = isHoled || (n >= outFrom && n < outUntil);
        const values = spec.channels.map((name, i) => [name, isOut && i === 3 ? null : 10 + i + unrest] as const);
        return { observedAt, values: Object.fromEntries(values) };
      });
      await withFolder(async (folder) => {
        const found: FoundNormal[] = [];
        const calibration = new Calibration({
          rule,
          digest,
          samples: undefined,
          floor: 1,
          file: new StateFile(join(folder, 'calibration.json'), calibrationStateSchema),
          now: () => 1,
          scores: async (vectors) => vectors.map(sizeOf),
          onFound: (normal) => found.push(normal),
          onSaved: () => undefined,
        });
        const assembler = new WindowAssembler({
          spec,
          channels: spec.channels,
          allowedLatenessMs: 0,
          maxSamples: 10_000,
        });
        const fed: { startAt: number; values: Float32Array }[] = [];
        let unanswered = 0;
        for (const sample of samples) {
          for (const window of assembler.add(sample.observedAt, sample.values)) {
            const seen = vectorOf(windowed, window);
            if (seen === undefined) unanswered += 1;
            const vector = seen && (await calibration.take(window, seen));
            if (vector !== undefined && calibration.normal !== undefined)
              fed.push({ startAt: window.startAt, values: vector.values });
          }
        }
        const replay = new WindowReplay(windowed);
        for (const sample of samples) replay.add(sample, 0);
        const { learnt, windows } = replay.drain();
        expect(windows.map(({ startAt, vector }) => ({ startAt, values: vector.values }))).toEqual(fed);
        expect([...replay.counters().unanswered.values()].reduce((sum, count) => sum + count, 0)).toBe(unanswered);
        expect(learnt === undefined).toBe(found.length === 0);
        const threshold = learnt === undefined ? undefined : ownThreshold(rule, learnt.map(sizeOf), 1).threshold;
        expect(threshold).toBe(found[0]?.threshold);
        expect(learnt?.length).toBe(found[0]?.windows);
      });
    }),
    // Looking for the smallest counterexample would take longer than a test may, and then nobody would see one.
    { numRuns: 8, endOnFailure: true },
  );
});
