/**
 * Streams over the real telemetry log and the real file of windows, against an oracle that sees all records sorted: whatever
 * the disorder, however late, and wherever the process is killed.
 */
import { describe, expect, it } from '@jest/globals';
import type { WindowResult } from '@shoal/protocol';
import {
  counts,
  eventOf,
  hopping,
  predictionOf,
  reading,
  sessions,
  statistics,
  type ExpectedWindow,
  type PlacedRecord,
} from './stream-oracle.ts';
import { scenarioOf, type Scenario } from './stream-scenario.ts';
import { StreamsRun } from './streams-run.ts';
import { STREAMS } from './test-streams.ts';

const SEEDS = 200;
const PARTS = 4;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Many thousand comparisons a seed: Jest's own would take most of the time. */
const demand = (holds: boolean, actual: unknown, expected: unknown): void => {
  if (!holds) throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
};

/** As JSON: arrays that come out of SQLite are of another realm than those of the test. */
const same = (actual: unknown, expected: unknown): void =>
  demand(JSON.stringify(actual) === JSON.stringify(expected), actual, expected);

const near = (actual: unknown, expected: number | null): void => {
  if (expected === null) same(actual, null);
  else demand(Math.abs(Number(actual) - expected) <= 1e-9 * Math.max(1, Math.abs(expected)), actual, expected);
};

/** The value a share of the sorted values lies at or below, within a hundredth. */
const isQuantile = (actual: unknown, values: readonly number[], share: number): void => {
  const sorted = values.toSorted((a, b) => a - b);
  const expected = sorted[Math.floor(share * (sorted.length - 1))];
  if (expected === undefined) same(actual, null);
  else demand(Math.abs(Number(actual) - expected) <= 0.010_001 * Math.abs(expected), actual, expected);
};

type Values = WindowResult['values'];

const compare = (
  actual: readonly WindowResult[],
  expected: readonly ExpectedWindow[],
  check: (values: Values, window: ExpectedWindow) => void,
): void => {
  const nameOf = (window: { key: string; startAt: number; endAt: number }): string =>
    `${window.key} ${window.startAt} ${window.endAt}`;
  same(actual.map(nameOf).toSorted(), expected.map(nameOf).toSorted());
  const byName = new Map(expected.map((window) => [nameOf(window), window]));
  for (const window of actual) {
    const of = byName.get(nameOf(window)) as ExpectedWindow;
    const clockBad = of.of.filter(({ isClockBad }) => isClockBad).length;
    same([window.state, window.records, window.clockBad], ['final', of.of.length, clockBad]);
    check(window.values, of);
  }
};

const checkMinutes = (values: Values, { of }: ExpectedWindow): void => {
  const a = of.map((each) => reading(each).values['a'] ?? null);
  const numbers = a.filter((value) => value !== null);
  const derived = of.flatMap((each, index) => {
    const value = a[index];
    return value === null || value === undefined
      ? []
      : [{ at: each.eventAt, value: value * 2 + (reading(each).values['b c'] ?? 0) }];
  });
  const expected = statistics(derived.map(({ value }) => value));
  for (const name of ['sum', 'mean', 'min', 'max', 'std'] as const) near(values[name], expected[name]);
  const [first, last] = [derived[0], derived.at(-1)];
  near(values['first'], first?.value ?? null);
  near(values['last'], last?.value ?? null);
  const elapsed = ((last?.at ?? 0) - (first?.at ?? 0)) / 1_000;
  near(values['rate'], elapsed === 0 ? null : ((last?.value ?? 0) - (first?.value ?? 0)) / elapsed);
  same(values['count'], numbers.length);
  same(values['different'], new Set(of.map((each) => reading(each).values['b c'])).size);
  const shares = values['shares'] as Record<string, number | null>;
  for (const [name, share] of [
    ['p0', 0],
    ['p50', 0.5],
    ['p90', 0.9],
    ['p100', 1],
  ] as const) {
    isQuantile(shares[name], numbers, share);
  }
};

const total =
  (value: (each: PlacedRecord) => number) =>
  (values: Values, { of }: ExpectedWindow) =>
    near(
      values['sum'] ?? values['missing'],
      of.reduce((sum, each) => sum + value(each), 0),
    );

const bc = (each: PlacedRecord): number => reading(each).values['b c'] ?? 0;

const verify = (run: StreamsRun, { labels }: Scenario): void => {
  const of = (kind: PlacedRecord['kind']): PlacedRecord[] => run.placed.filter((each) => each.kind === kind);
  const byDevice = ({ deviceId }: PlacedRecord): string => deviceId;
  const bySite = ({ deviceId }: PlacedRecord): string | undefined => labels.get(deviceId)?.['site'];
  const pump = of('readings').filter((each) => {
    const { a, rare } = reading(each).values;
    return reading(each).source === 'pump' && ((a ?? -99) > -10 || rare === 1);
  });
  for (const [level, sizeMs] of [
    ['window', MINUTE_MS],
    ['hour', HOUR_MS],
    ['day', DAY_MS],
  ] as const) {
    compare(run.windows('minutes', level), hopping(pump, byDevice, { sizeMs, everyMs: sizeMs }), checkMinutes);
  }
  const hops = { sizeMs: 10 * MINUTE_MS, everyMs: 2 * MINUTE_MS };
  compare(run.windows('hops'), hopping(of('readings'), bySite, hops), total(bc));
  compare(run.windows('visits'), sessions(of('readings'), byDevice, 3 * MINUTE_MS), total(bc));
  const cohort = (each: PlacedRecord): string => {
    const own = labels.get(each.deviceId);
    return own?.['ring'] === 'canary' && own['site'] !== undefined ? 'first' : 'rest';
  };
  const warnings = of('events').filter((each) => eventOf(each).severity === 'warning');
  const missing = total((each) => Number(eventOf(each).data?.['missing'] ?? 0));
  for (const [level, sizeMs] of [
    ['window', HOUR_MS],
    ['day', DAY_MS],
  ] as const) {
    compare(run.windows('rings', level), hopping(warnings, cohort, { sizeMs, everyMs: sizeMs }), missing);
  }
  const byModel = (each: PlacedRecord): string => predictionOf(each).model.name;
  const fiveMinutes = { sizeMs: 5 * MINUTE_MS, everyMs: 5 * MINUTE_MS };
  compare(run.windows('labels'), hopping(of('predictions'), byModel, fiveMinutes), (values, window) => {
    const names = window.of.map((each) => predictionOf(each).label ?? 'none');
    const counted = [...Map.groupBy(names, (name) => name)].map(([name, same]) => [name, same.length]);
    same(
      Object.entries(values['by'] ?? {}),
      counted.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
    near(values['worst'], Math.max(...window.of.map((each) => predictionOf(each).outputs['score'] ?? 0)));
  });
  const wear = of('predictions').filter((each) => byModel(each) === 'pump-wear');
  const fives = run.windows('fives').filter(({ state }) => state === 'final');
  const score = total((each) => predictionOf(each).outputs['score'] ?? 0);
  compare(
    fives,
    counts(wear, (each) => predictionOf(each).label, 5),
    score,
  );
  same(run.wronglyPublished(), []);
  for (const { name, source } of Object.values(STREAMS)) same(run.tallied(name), of(source.kind).length);
};

/** @returns how often it was killed */
const play = (seed: number): number => {
  const scenario = scenarioOf(seed);
  const run = new StreamsRun(seed, scenario);
  try {
    run.play(scenario);
    verify(run, scenario);
    return run.kills;
  } catch (cause) {
    throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  } finally {
    run.close();
  }
};

describe('windows equal an oracle that sees all records sorted', () => {
  const inPart = SEEDS / PARTS;
  it.each(Array.from({ length: PARTS }, (_, part) => [part * inPart + 1, (part + 1) * inPart] as const))(
    'with seeds %d to %d',
    (first, last) => {
      let kills = 0;
      for (let seed = first; seed <= last; seed += 1) kills += play(seed);
      expect(kills).toBeGreaterThan(inPart);
    },
    60_000,
  );
});
