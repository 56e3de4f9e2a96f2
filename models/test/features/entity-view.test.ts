/** Views over entities: panes merge in any order, ages are enforced, policies decide, and bundles pin what they were trained on. */
import { describe, expect, test } from '@jest/globals';
import {
  aggregateOf,
  codeFeature,
  decodeFeature,
  entityVectorHash,
  entityVectorSchema,
  entityViewHash,
  answersAt,
  isModelError,
  judgeFeature,
  mergePanes,
  paneIndexAt,
  paneOf,
  pinEntityViews,
  pinnedViews,
  SHIPPED_VIEWS,
  windowAt,
  type Pane,
} from '@shoal/models';
import { entityViewSchema, WINDOW_AGGREGATES, type EntityFeature, type EntityView } from '@shoal/protocol';
import fc from 'fast-check';

const view = (features: unknown[], over: object = {}): EntityView =>
  entityViewSchema.parse({ name: 'v', entity: 'device', maxAgeMs: 1_000, features, ...over });
const pushed = (over: object = {}): EntityFeature =>
  view([{ name: 'a', source: { kind: 'pushed' }, ...over }]).features[0] as EntityFeature;
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    return isModelError(error) ? error.code : String(error);
  }
  return undefined;
};

const sample = fc.record({
  at: fc.integer({ min: 0, max: 9_999 }),
  value: fc.integer({ min: -1_000, max: 1_000 }).map((value) => value / 8),
});

describe('panes', () => {
  test('give what all samples of the window give at once, in whatever order they came', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(sample, { selector: ({ at }) => at, minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 12_000 }),
        (samples, at) => {
          const source = { windowMs: 4_000, panes: 4 };
          const byIndex = new Map<number, Pane>();
          for (const { at: eventAt, value } of samples) {
            const index = paneIndexAt(eventAt, 1_000);
            const before = byIndex.get(index);
            const own = paneOf(index, value, eventAt);
            byIndex.set(index, before === undefined ? own : mergePanes(before, own));
          }
          const held = [...byIndex.values()].toSorted((a, b) => a.index - b.index);
          const newest = Math.floor(at / 1_000);
          const inside = samples.filter((each) => {
            const index = Math.floor(each.at / 1_000);
            return index <= newest && index > newest - 4;
          });
          const window = windowAt(held, at, source);
          expect(window?.count).toBe(inside.length === 0 ? undefined : inside.length);
          if (window === undefined) return;
          const values = inside.map(({ value }) => value);
          const sum = values.reduce((total, value) => total + value, 0);
          const mean = sum / values.length;
          const expected = {
            last: inside.toSorted((a, b) => a.at - b.at).at(-1)?.value ?? Number.NaN,
            mean,
            min: Math.min(...values),
            max: Math.max(...values),
            sum,
            count: values.length,
            std: Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length),
          };
          for (const aggregate of WINDOW_AGGREGATES) {
            expect(aggregateOf(window as Pane, aggregate)).toBeCloseTo(expected[aggregate], 6);
          }
        },
      ),
    );
  });

  test('a window that has passed is answered as it last was, and is outside its age', () => {
    const windowed = view([
      { name: 'a', source: { kind: 'readings', channel: 'p', aggregate: 'mean', windowMs: 2_000, panes: 2 } },
    ]);
    const feature = windowed.features[0] as EntityFeature;
    const held = [paneOf(0, 1, 500), paneOf(1, 3, 1_500)];
    expect(answersAt(windowed, 1_900)(feature, held)).toEqual({ value: 2, status: 'PRESENT', eventAt: 1_500 });
    expect(answersAt(windowed, 2_900)(feature, held)).toMatchObject({ value: 3, status: 'OUTSIDE_MAX_AGE' });
    expect(answersAt(windowed, 99_000)(feature, held)).toEqual({ value: 2, status: 'OUTSIDE_MAX_AGE', eventAt: 1_500 });
    expect(answersAt(windowed, 0)(feature, undefined).status).toBe('NOT_FOUND');
  });

  test('a window merged once for all its aggregates answers as one merged for each', () => {
    const windowMs = 2_000;
    const over = (aggregate: string, panes: number) => ({ kind: 'readings', channel: 'p', aggregate, windowMs, panes });
    const windowed = view([
      { name: 'mean', source: over('mean', 2) },
      { name: 'max', source: over('max', 2) },
      { name: 'other', source: over('max', 1) },
    ]);
    const held = [paneOf(0, 1, 500), paneOf(1, 3, 1_500)];
    const other = [paneOf(0, 7, 1_400)];
    const answer = answersAt(windowed, 1_900);
    const once = windowed.features.map((feature, index) => answer(feature, index < 2 ? held : other));
    expect(once.map(({ value }) => value)).toEqual([2, 3, 7]);
  });
});

describe('a pushed value', () => {
  const one = view([{ name: 'a', source: { kind: 'pushed' } }]);
  const feature = one.features[0] as EntityFeature;
  test.each([
    [5_000, 'PRESENT'],
    [6_000, 'PRESENT'],
    [6_001, 'OUTSIDE_MAX_AGE'],
    [4_999, 'NOT_FOUND'],
  ])('read at %d is %s', (at, status) => {
    expect(answersAt(one, at)(feature, { value: 7, eventAt: 5_000, createdAt: 5_000 }).status).toBe(status);
  });

  test('of null is a null value while it is fresh', () => {
    expect(answersAt(one, 5_500)(feature, { value: null, eventAt: 5_000, createdAt: 5_000 }).status).toBe('NULL_VALUE');
  });

  const stale = { value: 7, status: 'OUTSIDE_MAX_AGE', eventAt: 1 } as const;
  test.each([
    ['null', {}, null, false],
    ['fail', { missing: 'fail' }, null, true],
    ['default', { missing: 'default', default: 4 }, 4, false],
    ['last-known', { missing: 'last-known' }, 7, false],
  ])('that is too old under the policy %s', (_, over, used, fails) => {
    expect(judgeFeature(pushed(over), stale)).toEqual({ ...stale, used, fails });
  });
});

test('values are coded and decoded by their datatype, and others are refused', () => {
  const category = pushed({ datatype: 'category', categories: ['low', 'high'] });
  const boolean = pushed({ datatype: 'boolean' });
  expect([codeFeature(category, 'high'), codeFeature(boolean, true), codeFeature(pushed(), 1.5)]).toEqual([1, 1, 1.5]);
  expect([decodeFeature(category, 1), decodeFeature(boolean, 0), decodeFeature(pushed(), 2)]).toEqual([
    'high',
    false,
    2,
  ]);
  for (const [feature, value] of [
    [category, 'mid'],
    [boolean, 1],
    [pushed(), '1'],
  ] as const) {
    expect(codeOf(() => codeFeature(feature, value))).toBe('FEATURE_VALUE_INVALID');
  }
});

test.each([
  [
    'two features of one name',
    [
      { name: 'a', source: { kind: 'pushed' } },
      { name: 'a', source: { kind: 'pushed' } },
    ],
  ],
  ['categories without the datatype', [{ name: 'a', source: { kind: 'pushed' }, categories: ['x'] }]],
  ['a default without the policy', [{ name: 'a', source: { kind: 'pushed' }, default: 1 }]],
  ['a default of another type', [{ name: 'a', source: { kind: 'pushed' }, missing: 'default', default: 'x' }]],
  [
    'panes that do not divide',
    [{ name: 'a', source: { kind: 'readings', channel: 'p', aggregate: 'mean', windowMs: 1_000, panes: 7 } }],
  ],
])('a view with %s is refused', (_, features) => {
  expect(entityViewSchema.safeParse({ name: 'v', entity: 'device', maxAgeMs: 1, features }).success).toBe(false);
});

describe('a pinned vector', () => {
  const [recent, day] = SHIPPED_VIEWS as [EntityView, EntityView];
  const vector = pinEntityViews([recent, day]);

  test('finds the views it was trained on', () => {
    expect(entityVectorSchema.parse(vector)).toEqual(vector);
    expect(pinnedViews(vector, (name) => [recent, day].find((each) => each.name === name))).toEqual([recent, day]);
  });

  test('refuses a view that is missing, changed, or lacks a feature', () => {
    expect(codeOf(() => pinnedViews(vector, () => undefined))).toBe('ENTITY_VIEW_MISMATCH');
    expect(codeOf(() => pinnedViews(vector, () => ({ ...recent, maxAgeMs: 1 })))).toBe('ENTITY_VIEW_MISMATCH');
    const shape = {
      views: [{ name: recent.name, hash: entityViewHash(recent) }],
      features: [{ view: recent.name, feature: 'nope' }],
    };
    expect(codeOf(() => pinnedViews({ ...shape, hash: entityVectorHash(shape) }, () => recent))).toBe(
      'ENTITY_VIEW_MISMATCH',
    );
  });

  test('whose order was changed no longer has its hash', () => {
    expect(entityVectorSchema.safeParse({ ...vector, features: vector.features.toReversed() }).success).toBe(false);
  });
});
