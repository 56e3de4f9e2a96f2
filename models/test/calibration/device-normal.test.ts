import { describe, expect, test } from '@jest/globals';
import { medianLocation, normaliseVector, ownThreshold, type DeviceCalibrationRule } from '@shoal/models';
import fc from 'fast-check';

const RULE = {
  method: 'device-normal',
  samples: 400,
  minimumWindows: 5,
  tolerances: { flow: { absolute: 0, relative: 0.01 }, heat: { absolute: 2, relative: 0 } },
  clip: 100,
  quantile: 0.99,
  factor: 1.2,
  steadyFactor: 4,
} as const satisfies DeviceCalibrationRule;
const vector = (values: readonly number[]) => ({
  viewHash: 'v',
  names: ['flow', 'heat'],
  values: Float32Array.from(values),
});

describe('the location of a device', () => {
  test('is the middle of each feature, and half of the windows cannot move it out of the normal ones', () => {
    expect(medianLocation([[3], [1], [2]])).toEqual([2]);
    expect(medianLocation([[1], [4], [2], [3]])).toEqual([2.5]);
    expect(medianLocation([])).toEqual([]);
    const normal = fc.array(fc.double({ min: 9, max: 11, noNaN: true }), { minLength: 5, maxLength: 30 });
    fc.assert(
      fc.property(normal, fc.array(fc.double({ noNaN: true }), { maxLength: 4 }), (steady, strange) => {
        const [middle = 0] = medianLocation([...steady, ...strange].map((value) => [value]));
        expect(middle).toBeGreaterThanOrEqual(9);
        expect(middle).toBeLessThanOrEqual(11);
      }),
    );
  });
});

describe('deviations', () => {
  test('are counted in tolerances, relative ones of the own normal', () => {
    expect([...normaliseVector(RULE, [50, 20], vector([49, 25])).values]).toEqual([-2, 2.5]);
  });

  test('are held within the clip, also of a broken sensor and of a normal of zero', () => {
    expect([...normaliseVector(RULE, [0, 20], vector([1, 1e30])).values]).toEqual([100, 100]);
  });

  test('of a rule without a normaliser are the features themselves', () => {
    const rule = { method: 'device-quantile', minimumWindows: 3, quantile: 0.9, factor: 2 } as const;
    const given = vector([1, 2]);
    expect(normaliseVector(rule, [], given)).toBe(given);
  });
});

describe('the threshold of a device', () => {
  test("is the bundle's for a quiet device and its own for one that wanders", () => {
    expect(ownThreshold(RULE, [0.1, 0.3, 0.2], 1)).toEqual({ threshold: 1, isSteady: true });
    expect(ownThreshold(RULE, [0.1, 2, 0.2], 1)).toEqual({ threshold: 2.4, isSteady: true });
  });

  test('never exceeds what a steady device may have, and such a device is told apart', () => {
    expect(ownThreshold(RULE, [0.1, 7], 1)).toEqual({ threshold: 4, isSteady: false });
  });

  test('never falls below the bundle, whatever the scores', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true })), (scores) => {
        const { threshold } = ownThreshold(RULE, scores, 1);
        expect(threshold).toBeGreaterThanOrEqual(1);
        expect(threshold).toBeLessThanOrEqual(4);
      }),
    );
  });
});
