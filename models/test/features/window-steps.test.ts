import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evaluateFeatureView, featureNames, featureViewHash, featureViewSchema, type FeatureStep } from '@shoal/models';
import { thrownCode } from '../conditions.ts';
import { even, feature, RESAMPLE, stepped, values, view, window } from './views.ts';

describe('series steps', () => {
  test('scale by constants of three kinds, and leave other channels alone', () => {
    expect(stepped([{ op: 'scale', method: 'z-score', constants: { a: { mean: 2, std: 4 } } }], even(2, 10))).toEqual([
      0, 2,
    ]);
    expect(stepped([{ op: 'scale', method: 'min-max', constants: { a: { min: 2, max: 6 } } }], even(2, 4, 8))).toEqual([
      0, 0.5, 1.5,
    ]);
    expect(stepped([{ op: 'scale', method: 'robust', constants: { a: { median: 1, iqr: 2 } } }], even(1, 7))).toEqual([
      0, 3,
    ]);
    expect(stepped([{ op: 'scale', method: 'robust', constants: {} }], even(1, 7))).toEqual([1, 7]);
  });

  test('clip', () => {
    expect(stepped([{ op: 'clip', min: -1, max: 2 }], even(-5, 0, 5))).toEqual([-1, 0, 2]);
  });

  test('take differences over a lag', () => {
    expect(stepped([{ op: 'difference', lag: 2 }], even(1, 2, 4, 8))).toEqual([3, 6]);
  });

  test('apply in order, to the channels they name', () => {
    const definition = view({
      channels: ['a', 'b'],
      series: [
        { op: 'difference', lag: 1, channels: ['b'] },
        { op: 'clip', min: 0, max: 3, channels: ['b'] },
      ],
    });
    const of = {
      startAt: 0,
      endAt: 2_000,
      samples: [0, 1].map((i) => ({ observedAt: i * 1_000, values: { a: 10 * i, b: 10 * i } })),
    };
    expect(evaluateFeatureView(definition, of)).toMatchObject({
      names: ['a[0]', 'a[1]', 'b[0]'],
      values: Float32Array.of(0, 10, 3),
    });
  });
});

describe('statistics', () => {
  test('are those computed by hand', () => {
    const of = ['mean', 'std', 'min', 'max', 'rms', 'peak-to-peak', 'skew', 'kurtosis', 'slope'] as const;
    const found = feature({ op: 'statistics', of: [...of], quantiles: [0, 0.5, 0.75] }, even(1, 1, 1, 5));
    const expected = [2, Math.sqrt(3), 1, 5, Math.sqrt(7), 4, 6 / 3 ** 1.5, 21 / 9, 1.2, 1, 1, 2];
    Object.values(found).forEach((value, i) => expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 6));
    expect(Object.keys(found)).toEqual([
      ...of.map((name) => `a.${name}`),
      'a.quantile-0',
      'a.quantile-0.5',
      'a.quantile-0.75',
    ]);
  });

  test('of a constant have no shape and no slope', () => {
    const of = ['std', 'skew', 'kurtosis', 'slope'] as const;
    const found = feature({ op: 'statistics', of: [...of], quantiles: [] }, even(0.1, 0.1, 0.1));
    expect(Object.values(found).map((value) => Math.abs(value) < 1e-12)).toEqual([true, true, true, true]);
  });

  test('give a slope per second at any rate', () => {
    const at2Hz = view({
      resample: { ...RESAMPLE, rateHz: 2 },
      features: [{ op: 'statistics', of: ['slope'], quantiles: [] }],
    });
    expect(
      values(
        at2Hz,
        window(4_000, [
          [0, 0],
          [3_500, 7],
        ]),
      )[0],
    ).toBeCloseTo(2, 6);
  });
});

describe('spectral features', () => {
  const sine = (hz: number, amplitude = 2) =>
    even(...Array.from({ length: 64 }, (_, i) => 5 + amplitude * Math.sin(2 * Math.PI * hz * i)));
  const step: FeatureStep = {
    op: 'spectral',
    bandsHz: [
      [0, 0.1],
      [0.1, 0.2],
      [0.2, 0.6],
    ],
    of: ['centroid', 'dominant-frequency'],
  };

  test('find a sine where it is, with the energy it has', () => {
    const found = feature(step, sine(0.125));
    expect(found['a.dominant-frequency']).toBeCloseTo(0.125, 6);
    expect(found['a.centroid']).toBeCloseTo(0.125, 3);
    expect(found['a.band-0.1-0.2-hz']).toBeCloseTo(2, 1);
    expect((found['a.band-0-0.1-hz'] ?? 1) + (found['a.band-0.2-0.6-hz'] ?? 1)).toBeLessThan(1e-3);
  });

  test('of a constant are zero', () => {
    expect(Object.values(feature(step, even(5, 5, 5)))).toEqual([0, 0, 0, 0, 0]);
  });

  test('add up to the weighted variance, whatever the series (Parseval)', () => {
    const series = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(series, (points) => {
        const n = points.length;
        const mean = points.reduce((sum, value) => sum + value, 0) / n;
        const weights = points.map((_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n));
        const weighted = points.reduce((sum, value, i) => sum + ((value - mean) * (weights[i] ?? 0)) ** 2, 0);
        const total = weighted / weights.reduce((sum, weight) => sum + weight * weight, 0);
        const found = feature({ op: 'spectral', bandsHz: [[0, 1]], of: [] }, even(...points));
        expect(found['a.band-0-1-hz']).toBeCloseTo(total, 3);
      }),
    );
  });
});

describe('a feature vector', () => {
  const steps: FeatureStep[] = [
    { op: 'statistics', of: ['mean', 'std', 'skew', 'kurtosis', 'slope'], quantiles: [0.9] },
    { op: 'spectral', bandsHz: [[0, 0.2]], of: ['centroid', 'dominant-frequency'] },
    { op: 'flatten' },
  ];
  const definition = view({
    channels: ['a', 'b'],
    features: steps,
    resample: { ...RESAMPLE, missing: { policy: 'zero' } },
  });
  const value = fc.oneof(fc.constant(null), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
  const sample = fc.record({
    observedAt: fc.integer({ min: 0, max: 19_999 }),
    values: fc.record({ a: value, b: value }),
  });

  test('is finite, named and of one length for any window', () => {
    const names = featureNames(definition, 20_000);
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 50 }), (samples) => {
        const vector = evaluateFeatureView(definition, { startAt: 0, endAt: 20_000, samples });
        expect(vector.names).toEqual(names);
        expect(vector.values.every(Number.isFinite)).toBe(true);
      }),
    );
  });

  test('does not depend on the order of the samples', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 50 }), (samples) => {
        const of = { startAt: 0, endAt: 20_000, samples };
        const turned = { ...of, samples: samples.toReversed() };
        expect(evaluateFeatureView(definition, turned)).toEqual(evaluateFeatureView(definition, of));
      }),
    );
  });

  test('knows one zero, however the samples are ordered', () => {
    const samples = [
      { observedAt: 0, values: { a: -0, b: 0 } },
      { observedAt: 1, values: { a: 0, b: null } },
    ];
    const [straight, turned] = [samples, samples.toReversed()].map((ordered) =>
      evaluateFeatureView(definition, { startAt: 0, endAt: 20_000, samples: ordered }),
    );
    expect(turned).toEqual(straight);
  });

  test('does not depend on when the window is', () => {
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 20 }),
        fc.integer({ min: 0, max: 1_700_000_000 }),
        (samples, seconds) => {
          const shift = seconds * 1_000;
          const later = samples.map((one) => ({ ...one, observedAt: one.observedAt + shift }));
          const moved = evaluateFeatureView(definition, { startAt: shift, endAt: shift + 20_000, samples: later });
          expect(moved).toEqual(evaluateFeatureView(definition, { startAt: 0, endAt: 20_000, samples }));
        },
      ),
    );
  });

  test('never hides a feature that is not finite', () => {
    const huge = view({ series: [{ op: 'scale', method: 'z-score', constants: { a: { mean: 0, std: 1e-300 } } }] });
    expect(thrownCode(() => values(huge, even(1)))).toBe('FEATURE_NOT_FINITE');
    const emptied = view({
      series: [{ op: 'difference', lag: 9 }],
      features: [{ op: 'statistics', of: ['mean'], quantiles: [] }],
    });
    expect(thrownCode(() => values(emptied, even(1, 2)))).toBe('FEATURE_NOT_FINITE');
  });
});

describe('a feature view', () => {
  test('goes by a hash that any change changes and no order of keys', () => {
    const { name, ...rest } = view();
    expect(featureViewHash({ ...rest, name })).toBe(featureViewHash(view()));
    expect(featureViewHash(view({ revision: 2 }))).not.toBe(featureViewHash(view()));
    expect(featureViewHash(view())).toBe('4842dceeaf086241acd4e50dd4fbbfcff4f77cf36c9b84abef4eae1503932ecc');
  });

  test.each([
    ['names a channel it has not', view({ features: [{ op: 'flatten', channels: ['z'] }] })],
    [
      'scales a channel it has not',
      view({ series: [{ op: 'scale', method: 'z-score', constants: { z: { mean: 0, std: 1 } } }] }),
    ],
    [
      'fills a channel it has not',
      view({ resample: { ...RESAMPLE, missing: { policy: 'constant', values: { z: 1 } } } }),
    ],
    ['divides by zero', view({ series: [{ op: 'scale', method: 'z-score', constants: { a: { mean: 0, std: 0 } } }] })],
    ['repeats a channel', view({ channels: ['a', 'a'] })],
    ['gives no features', view({ features: [] })],
  ])('is refused when it %s', (_what, definition) => {
    expect(featureViewSchema.safeParse(definition).success).toBe(false);
  });
});
