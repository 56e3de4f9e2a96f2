/**
 * Streams over the real telemetry log and the real file of windows, against an oracle that sees all records sorted: whatever
 * the disorder, however late, and wherever the process is killed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { streamDefinitionSchema, type StreamDefinition, type WindowLevel, type WindowResult } from '@shoal/protocol';
import {
  LogColumns,
  type LogPart,
  type LogSpan,
} from '../../../../src/adapters/embedded/sqlite-telemetry/log-columns.ts';
import { packAppend } from '../../../../src/adapters/embedded/sqlite-telemetry/packed-append.ts';
import {
  openForReading as openLog,
  openForWriting as openTelemetry,
  type Sqlite,
} from '../../../../src/adapters/embedded/sqlite-telemetry/telemetry-file.ts';
import { TelemetryWriter } from '../../../../src/adapters/embedded/sqlite-telemetry/telemetry-writer.ts';
import { openForWriting } from '../../../../src/adapters/embedded/sqlite-windows/windows-file.ts';
import { WindowsReads } from '../../../../src/adapters/embedded/sqlite-windows/windows-reads.ts';
import { WindowsWriter } from '../../../../src/adapters/embedded/sqlite-windows/windows-writer.ts';
import { placeInTime } from '../../../../src/ingest/event-time.ts';
import { EPOCH } from '../../../telemetry-records.ts';
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
import { scenarioOf, seeded, type Delivery, type Scenario } from './stream-scenario.ts';

const SEEDS = 200;
const PARTS = 4;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const FILE_OPTIONS = { maxPages: 1_000_000, checkedAtOpenBytes: 0 };

const define = (definition: object): StreamDefinition =>
  streamDefinitionSchema.parse({ retentionDays: { window: 90, hour: 90 }, ...definition });

const STREAMS = {
  minutes: define({
    name: 'minutes',
    source: { kind: 'readings', source: 'pump' },
    where: 'a > -10 || rare == 1',
    key: { by: 'device' },
    window: { kind: 'tumbling', sizeMs: MINUTE_MS },
    aggregates: [
      { name: 'count', aggregate: 'count', value: 'a' },
      ...(['sum', 'mean', 'min', 'max', 'std', 'first', 'last', 'rate'] as const).map((aggregate) => ({
        name: aggregate,
        aggregate,
        value: 'a * 2 + `b c`',
      })),
      { name: 'different', aggregate: 'distinct', value: '`b c`' },
      { name: 'shares', aggregate: 'quantiles', value: 'a', shares: [0, 0.5, 0.9, 1] },
    ],
  }),
  hops: define({
    name: 'hops',
    source: { kind: 'readings' },
    key: { by: 'label', label: 'site' },
    window: { kind: 'hopping', sizeMs: 10 * MINUTE_MS, everyMs: 2 * MINUTE_MS },
    aggregates: [{ name: 'sum', aggregate: 'sum', value: '`b c`' }],
    allowedLatenessMs: 5 * MINUTE_MS,
  }),
  visits: define({
    name: 'visits',
    source: { kind: 'readings' },
    key: { by: 'device' },
    window: { kind: 'session', gapMs: 3 * MINUTE_MS },
    aggregates: [{ name: 'sum', aggregate: 'sum', value: '`b c`' }],
    allowedLatenessMs: 0,
  }),
  rings: define({
    name: 'rings',
    source: { kind: 'events' },
    where: "$severity == 'warning'",
    key: {
      by: 'cohort',
      cohorts: [
        { name: 'first', where: [{ label: 'ring', value: 'canary' }, { label: 'site' }] },
        { name: 'rest', where: [{ label: 'ring' }] },
      ],
    },
    window: { kind: 'tumbling', sizeMs: HOUR_MS },
    aggregates: [{ name: 'missing', aggregate: 'sum', value: 'missing' }],
  }),
  labels: define({
    name: 'labels',
    source: { kind: 'predictions' },
    key: { by: 'model' },
    window: { kind: 'tumbling', sizeMs: 5 * MINUTE_MS },
    aggregates: [
      { name: 'by', aggregate: 'histogram', value: "coalesce($label, 'none')" },
      { name: 'worst', aggregate: 'max', value: 'score' },
    ],
  }),
  fives: define({
    name: 'fives',
    source: { kind: 'predictions', model: 'pump-wear' },
    key: { by: 'prediction-label' },
    window: { kind: 'count', records: 5 },
    aggregates: [{ name: 'sum', aggregate: 'sum', value: 'score' }],
  }),
} as const;

/** A log that fails once inside a step, as a kill does: nothing of the step stays. */
class MortalLog {
  readonly #columns: LogColumns;
  isDying = false;

  constructor(db: Sqlite) {
    this.#columns = new LogColumns(db);
  }

  head(): number {
    return this.#columns.head();
  }

  read(span: LogSpan): LogPart {
    const part = this.#columns.read(span);
    if (!this.isDying || part.batches.length === 0) return part;
    this.isDying = false;
    const last = part.batches.length - 1;
    const batches = part.batches.map((batch, index) => {
      if (index < last) return batch;
      return {
        ...batch,
        column: () => {
          throw new Error('killed');
        },
      };
    });
    return { ...part, batches };
  }
}

class Run {
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-streams-'));
  readonly #telemetry = openTelemetry(join(this.#folder, 'ingest.db'), FILE_OPTIONS, 0).db;
  readonly #ingest = new TelemetryWriter(this.#telemetry, 100);
  readonly #logDb = openLog(join(this.#folder, 'ingest.db'));
  readonly #log = new MortalLog(this.#logDb);
  readonly #labels: { deviceId: string; labels: Record<string, string> }[];
  readonly #random;
  readonly placed: PlacedRecord[] = [];
  readonly #keys = new Set<string>();
  #windows: Sqlite;
  #writer: WindowsWriter;
  kills = 0;

  constructor(seed: number, scenario: Scenario) {
    this.#random = seeded(seed ^ 0x5eed);
    this.#labels = [...scenario.labels].map(([deviceId, labels]) => ({ deviceId, labels }));
    // What a sync of the disk adds is not tried here, and is most of the time.
    this.#telemetry.pragma('synchronous = OFF');
    [this.#windows, this.#writer] = this.#open();
  }

  /** Every stream but one from the start; that one is filled from history in the middle. */
  play({ deliveries }: Scenario): void {
    const { labels, ...first } = STREAMS;
    this.#writer.adopt(Object.values(first), deliveries[0]?.receivedAt ?? 0);
    let now = 0;
    for (const [index, delivery] of deliveries.entries()) {
      now = delivery.receivedAt;
      this.#receive(delivery);
      if (index === Math.floor(deliveries.length / 2)) this.#writer.define(labels, now);
      if (this.#random() < 0.6) this.#step(now);
      if (this.#random() < 0.05) this.#kill();
    }
    this.#settle(now + 3 * DAY_MS);
  }

  windows(stream: string, level: WindowLevel = 'window'): WindowResult[] {
    const query = { stream, level, key: undefined, from: undefined, to: undefined, cursor: undefined } as const;
    const page = new WindowsReads(this.#windows).windows({ ...query, state: 'all', order: 'asc', limit: 100_000 });
    return page.items.filter(({ state }) => state !== 'retracted');
  }

  /** Publications of a window beside its revision: they must be the same. */
  wronglyPublished(): unknown[] {
    return this.#windows
      .prepare(
        `SELECT w.*, count(change) AS times FROM windows w LEFT JOIN changes c ON c.stream_no = w.stream_no
            AND c.level = w.level AND c.key_no = w.key_no AND c.start = w.start
          GROUP BY w.stream_no, w.level, w.key_no, w.start HAVING is_retracted = 0 AND times <> revision AND NOT
            (SELECT name = 'visits' FROM streams s WHERE s.stream_no = w.stream_no)`,
      )
      .all();
  }

  tallied(stream: string): number {
    const { tally } = new WindowsReads(this.#windows).status(stream, 0) ?? {};
    if (tally === undefined) return Number.NaN;
    return tally.windowed + tally.filtered + tally.unkeyed + tally.rolledUp + tally.expired;
  }

  close(): void {
    this.#windows.close();
    this.#logDb.close();
    this.#telemetry.close();
    rmSync(this.#folder, { recursive: true });
  }

  #open(): [Sqlite, WindowsWriter] {
    const { db } = openForWriting(join(this.#folder, 'windows.db'), 0);
    db.pragma('synchronous = OFF');
    const writer = new WindowsWriter(db, this.#log);
    writer.setLabels(this.#labels);
    return [db, writer];
  }

  #receive({ deviceId, kind, lane, clock, receivedAt, records }: Delivery): void {
    const places = records.map(({ observedAt }) => placeInTime(observedAt, clock, receivedAt));
    const packed = packAppend(
      [
        {
          deviceId,
          kind,
          lane,
          epoch: EPOCH,
          class: 'reading',
          receivedAt,
          records,
          eventAt: places.map(({ eventAt }) => eventAt),
          clock: places.map(({ clock: verdict }) => verdict),
        },
      ],
      [],
    );
    this.#ingest.append([packed], receivedAt);
    const fresh = records.flatMap((record, index) => {
      const key = `${deviceId}/${record.sequence}`;
      const place = places[index];
      if (this.#keys.has(key) || place === undefined) return [];
      this.#keys.add(key);
      return [{ deviceId, kind, record, eventAt: place.eventAt, isClockBad: place.clock === 'bad' }];
    });
    this.placed.push(...fresh.toSorted((a, b) => a.eventAt - b.eventAt || a.record.sequence - b.record.sequence));
  }

  /** In one of twenty, killed before it commits. */
  #step(now: number): boolean {
    this.#log.isDying = this.#random() < 0.05;
    try {
      return this.#writer.step(now, 1 + Math.floor(this.#random() * 100)).isCaughtUp;
    } catch {
      this.#kill();
      return false;
    }
  }

  /** Nothing but the file survives. */
  #kill(): void {
    this.kills += 1;
    this.#windows.close();
    [this.#windows, this.#writer] = this.#open();
  }

  #settle(now: number): void {
    while (!this.#step(now));
    this.#step(now + 2 * MINUTE_MS);
    this.#step(now + 4 * MINUTE_MS);
  }
}

/** Many thousand comparisons a seed: Jest's own would take most of the time. */
const demand = (holds: boolean, actual: unknown, expected: unknown): void => {
  if (!holds) throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
};

const same = (actual: unknown, expected: unknown): void =>
  demand(isDeepStrictEqual(actual, expected), actual, expected);

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

const verify = (run: Run, { labels }: Scenario): void => {
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
    same(values['by'], Object.fromEntries(counted));
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
  const run = new Run(seed, scenario);
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
