import { describe, expect, test } from '@jest/globals';
import { thrownCode } from '../conditions.ts';
import { even, resampled, values, view, window } from './views.ts';

describe('resample', () => {
  test('draws a line between samples and holds the outermost ones', () => {
    expect(
      resampled(
        {},
        window(5_000, [
          [500, 1],
          [2_500, 3],
        ]),
      ),
    ).toEqual([1, 1.5, 2.5, 3, 3]);
  });

  test('may hold the previous sample instead', () => {
    expect(
      resampled(
        { method: 'previous' },
        window(5_000, [
          [500, 1],
          [2_500, 3],
        ]),
      ),
    ).toEqual([1, 1, 1, 3, 3]);
  });

  test('takes the mean of samples with the same stamp, and skips null', () => {
    expect(
      resampled(
        {},
        window(2_000, [
          [0, 1],
          [0, 3],
          [0, null],
          [1_000, 5],
        ]),
      ),
    ).toEqual([2, 5]);
  });

  test('gives the same for samples at the points of the grid in any order, and for one more between them', () => {
    const at = [0, 1_000, 2_000, 3_000].map((time, i): [number, number] => [time, i === 2 ? -0 : i * 1.5]);
    const other = [3, 0, 2, 1].map((i) => at[i] as [number, number]);
    for (const samples of [at, other, [...at, [2_500, 7] as [number, number]]])
      expect(resampled({}, window(4_000, samples))).toEqual([0, 1.5, 0, 4.5]);
    expect(
      thrownCode(() =>
        resampled(
          {},
          window(2_000, [
            [0, 1],
            [1_000, Number.NaN],
          ]),
        ),
      ),
    ).toBe('WINDOW_SHAPE_INVALID');
  });

  test('fails, fills with zero or with a constant where a gap is too wide', () => {
    const gap = window(6_000, [
      [0, 1],
      [5_000, 6],
    ]);
    expect(resampled({ maxGapMs: 5_000 }, gap)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(thrownCode(() => resampled({ maxGapMs: 4_999 }, gap))).toBe('WINDOW_INCOMPLETE');
    expect(resampled({ maxGapMs: 1_000, missing: { policy: 'zero' } }, gap)).toEqual([1, 0, 0, 0, 0, 6]);
    const constant = { policy: 'constant' as const, values: { a: 9 } };
    expect(resampled({ maxGapMs: 1_000, missing: constant }, gap)).toEqual([1, 9, 9, 9, 9, 6]);
    expect(thrownCode(() => resampled({ missing: { policy: 'constant', values: {} } }, window(1_000, [])))).toBe(
      'WINDOW_INCOMPLETE',
    );
  });

  test('fails for a channel that never spoke, even by a name of the prototype', () => {
    expect(thrownCode(() => resampled({}, window(2_000, [[0, null]])))).toBe('WINDOW_INCOMPLETE');
    expect(thrownCode(() => values(view({ channels: ['toString'] }), even(1)))).toBe('WINDOW_INCOMPLETE');
  });
});

describe('a window of another shape', () => {
  test.each([
    ['ends before it starts', { startAt: 5, endAt: 5, samples: [] }],
    ['has bounds that are no integers', { startAt: 0.5, endAt: 5, samples: [] }],
    [
      'has a sample before its start',
      { startAt: 1_000, endAt: 2_000, samples: [{ observedAt: 999, values: { a: 1 } }] },
    ],
    ['has a sample at its end', { startAt: 0, endAt: 1_000, samples: [{ observedAt: 1_000, values: { a: 1 } }] }],
    [
      'has a sample without an instant',
      { startAt: 0, endAt: 1_000, samples: [{ observedAt: Number.NaN, values: { a: 1 } }] },
    ],
    [
      'has a value that is not finite',
      { startAt: 0, endAt: 1_000, samples: [{ observedAt: 0, values: { a: Infinity } }] },
    ],
    ['is too short for one point', { startAt: 0, endAt: 1, samples: [{ observedAt: 0, values: { a: 1 } }] }],
    ['is longer than any window', { startAt: 0, endAt: 2_000_000_000, samples: [] }],
  ])('is refused when it %s', (_what, of) => {
    expect(thrownCode(() => values(view(), of))).toBe('WINDOW_SHAPE_INVALID');
  });
});
