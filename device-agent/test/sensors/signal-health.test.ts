import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SignalHealth, type SignalExpectation } from '../../src/sensors/signal-health.ts';

const expected = (over: Partial<SignalExpectation> = {}): SignalExpectation => ({
  rateHz: undefined,
  rateTolerance: 0.2,
  gapPeriods: 3,
  channels: {},
  ...over,
});
const T0 = 1_760_000_000_000;

/** [milliseconds, value] rows of channel x, with what came out for each. */
const inspectAll = (health: SignalHealth, rows: readonly (readonly [number, number | null])[]) =>
  rows.map(([at, x]) => health.inspect({ observedAt: T0 + at, values: { x } }));
const findingsOf = (results: ReturnType<typeof inspectAll>) =>
  results.flatMap(({ findings }) => findings.map(({ kind, phase }) => `${kind} ${phase}`));
const every = (ms: number, count: number, from = 0, value = (index: number): number => index) =>
  Array.from({ length: count }, (_, index) => [from + index * ms, value(index)] as const);

describe('values out of range', () => {
  const limits = { x: { min: 0, max: 100, passOutOfRange: false } };

  it('keep their value, are marked and withheld, and are one episode however often they come', () => {
    const health = new SignalHealth(expected({ channels: limits }));
    const values = [50, 150, 50, -1, ...Array.from({ length: 10 }, () => 50), 101];
    const results = inspectAll(
      health,
      values.map((value, index) => [index * 1_000, value]),
    );
    expect(results[1]?.sample).toEqual({
      observedAt: T0 + 1_000,
      values: { x: 150 },
      marks: { x: 'out-of-range' },
      withheld: ['x'],
    });
    expect(findingsOf(results)).toEqual(['out-of-range begun', 'out-of-range over', 'out-of-range begun']);
    expect(health.counters()).toMatchObject({
      outOfRange: { x: 3 },
      problems: [{ kind: 'out-of-range', channel: 'x' }],
    });
  });

  it('are given to models where the configuration says so', () => {
    const health = new SignalHealth(expected({ channels: { x: { ...limits.x, passOutOfRange: true } } }));
    const [result] = inspectAll(health, [[0, 150]]);
    expect(result?.sample).toEqual({ observedAt: T0, values: { x: 150 }, marks: { x: 'out-of-range' } });
  });

  it('are marked exactly where they are, for any values', () => {
    const value = fc.oneof(fc.double({ min: -200, max: 200, noNaN: true }), fc.constant(null));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 60 }), (values) => {
        const health = new SignalHealth(expected({ channels: limits }));
        const results = inspectAll(
          health,
          values.map((x, index) => [index, x]),
        );
        const isOut = (x: number | null): boolean => x !== null && (x < 0 || x > 100);
        expect(results.map(({ sample }) => sample.marks?.['x'] === 'out-of-range')).toEqual(values.map(isOut));
        const phases = findingsOf(results).map((finding) => finding.endsWith('begun'));
        // They take turns, beginning with a beginning.
        expect(phases).toEqual(phases.map((_, index) => index % 2 === 0));
      }),
    );
  });
});

describe('a channel that is stuck', () => {
  const watch = () => new SignalHealth(expected({ channels: { x: { stuckAfterMs: 5_000, passOutOfRange: false } } }));

  it('is marked from then on until it changes, and its values still count', () => {
    const results = inspectAll(
      watch(),
      every(1_000, 10, 0, (index) => (index < 8 ? 7 : 8)),
    );
    expect(results.map(({ sample }) => sample.marks?.['x'] ?? null)).toEqual([
      null,
      null,
      null,
      null,
      null,
      'stuck',
      'stuck',
      'stuck',
      null,
      null,
    ]);
    expect(results.every(({ sample }) => sample.withheld === undefined)).toBe(true);
    expect(findingsOf(results)).toEqual(['stuck begun', 'stuck over']);
  });

  it('is not freed by missing values, and not found where nothing was said about it', () => {
    const rows = every(1_000, 8, 0, () => 7).map(([at, x]) => [at, at === 3_000 ? null : x] as const);
    expect(findingsOf(inspectAll(watch(), rows))).toEqual(['stuck begun']);
    expect(findingsOf(inspectAll(new SignalHealth(expected()), rows))).toEqual([]);
  });
});

describe('the rate of a sensor', () => {
  it('is told when it departs and when it is back, and not for jitter', () => {
    const health = new SignalHealth(expected({ rateHz: 10 }));
    const steady = every(100, 64).map(([at, x], index) => [at + (index % 2) * 30, x] as const);
    expect(findingsOf(inspectAll(health, steady))).toEqual([]);
    expect(findingsOf(inspectAll(health, every(200, 64, 6_400)))).toEqual(['rate-mismatch begun']);
    expect(health.counters().measuredRateHz).toBeCloseTo(5, 0);
    expect(findingsOf(inspectAll(health, every(100, 96, 6_400 + 12_800)))).toEqual(['rate-mismatch over']);
  });

  it('is measured without the gaps, which are told once each episode', () => {
    const health = new SignalHealth(expected({ rateHz: 1 }));
    const rows = [...every(1_000, 20), ...every(1_000, 5, 60_000), ...every(1_000, 40, 120_000)];
    const results = inspectAll(health, rows);
    expect(findingsOf(results)).toEqual(['gap begun', 'gap over']);
    expect(results[20]?.sample.marks).toEqual({ x: 'gap' });
    expect(health.counters()).toMatchObject({ gaps: 2, measuredRateHz: 1, problems: [] });
  });

  it('of a sensor that became far slower is a mismatch, not only gaps', () => {
    const health = new SignalHealth(expected({ rateHz: 10 }));
    expect(findingsOf(inspectAll(health, every(1_000, 64)))).toContain('rate-mismatch begun');
    expect(health.counters().measuredRateHz).toBeCloseTo(1);
  });

  it('does not mind samples that come out of order', () => {
    const health = new SignalHealth(expected({ rateHz: 1 }));
    const rows = every(1_000, 40).flatMap((row) => [row, [row[0] - 90_000, row[1]] as const]);
    expect(findingsOf(inspectAll(health, rows))).toEqual([]);
  });
});

it('keeps the mark that a source gave', () => {
  const health = new SignalHealth(expected({ rateHz: 1 }));
  inspectAll(health, [[0, 1]]);
  const { sample } = health.inspect({ observedAt: T0 + 60_000, values: { x: null, y: 1 }, marks: { x: 'missing' } });
  expect(sample.marks).toEqual({ x: 'missing', y: 'gap' });
});
