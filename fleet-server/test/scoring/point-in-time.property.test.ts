/** Vectors that a run is scored with equal an oracle that keeps everything, and nothing that becomes known later changes one. */
import { LogColumnsBuilder } from '../../src/ports/log-columns.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { entityViewSchema } from '@shoal/protocol';
import fc from 'fast-check';
import { pino } from 'pino';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import { KnownStates } from '../../src/adapters/embedded/score-runner/known-states.ts';
import { VectorRows } from '../../src/adapters/embedded/score-runner/vector-rows.ts';
import { openForReading, type Sqlite } from '../../src/adapters/embedded/sqlite-features/features-file.ts';
import { SqliteFeatureStore } from '../../src/adapters/embedded/sqlite-features/sqlite-feature-store.ts';
import { compileView, slotsOf, type CompiledView } from '../../src/feature-views/compiled-view.ts';
import { Clock } from '../../src/ports/clock.ts';
import type { VectorLayout } from '../../src/ports/score-runner.ts';

class SetClock extends Clock {
  at = 0;
  override now(): number {
    return this.at;
  }
  override monotonic(): number {
    return this.at;
  }
}

const PANE_MS = 250;
const PANES = 4;
const MAX_AGE_MS = 870;
const window = { kind: 'readings', channel: 'flow', windowMs: PANE_MS * PANES, panes: PANES };
const VIEW = entityViewSchema.parse({
  name: 'pump',
  entity: 'device',
  maxAgeMs: MAX_AGE_MS,
  features: [
    { name: 'rating', source: { kind: 'pushed' } },
    { name: 'rating_or_seven', source: { kind: 'pushed' }, missing: 'default', default: 7 },
    ...['mean', 'max', 'count', 'last'].map((aggregate) => ({
      name: `flow_${aggregate}`,
      source: { ...window, aggregate },
    })),
  ],
});

interface Said {
  readonly entity: string;
  readonly kind: 'pushed' | 'stream';
  readonly eventAt: number;
  readonly createdAt: number;
  readonly value: number;
}

/** A step of time, and what is said then of an entity: late by `ago`, or ahead by a clock that is wrong. */
const event = fc.record({
  after: fc.integer({ min: 1, max: 300 }),
  kind: fc.constantFrom('pushed' as const, 'stream' as const, 'stream' as const),
  entity: fc.constantFrom('a', 'b', 'c'),
  ago: fc.oneof(fc.constant(0), fc.integer({ min: -300, max: 2_200 })),
  value: fc.integer({ min: -50, max: 50 }),
});

/** What the vector must be, from all that was ever said. */
const oracle = (said: readonly Said[], entity: string, at: number): number[] => {
  const known = said.filter((each) => each.entity === entity && each.createdAt <= at);
  const pushed = known
    .filter(({ kind, eventAt }) => kind === 'pushed' && eventAt <= at)
    .toSorted((a, b) => a.eventAt - b.eventAt || a.createdAt - b.createdAt)
    .at(-1);
  const rating = pushed !== undefined && at - pushed.eventAt <= MAX_AGE_MS ? pushed.value : Number.NaN;
  const pane = (instant: number): number => Math.floor(instant / PANE_MS);
  const inWindow = known
    .filter(({ kind, eventAt }) => kind === 'stream' && pane(eventAt) <= pane(at) && pane(eventAt) > pane(at) - PANES)
    .toSorted((a, b) => a.eventAt - b.eventAt || a.createdAt - b.createdAt);
  const newest = inWindow.at(-1);
  const isFresh = newest !== undefined && at - newest.eventAt <= MAX_AGE_MS;
  const values = inWindow.map(({ value }) => value);
  const flow = isFresh
    ? [values.reduce((sum, value) => sum + value, 0) / values.length, Math.max(...values), values.length, newest.value]
    : [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
  return [rating, Number.isNaN(rating) ? 7 : rating, ...flow];
};

describe('the features of a scoring run', () => {
  let folder: string;
  let store: SqliteFeatureStore;
  let reader: Sqlite;
  let view: CompiledView;
  let cases = 0;
  let batchId = 0;
  const clock = new SetClock();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-as-of-'));
    const file = join(folder, 'features.db');
    const around = { clock, metrics: new PrometheusMetrics(), log: pino({ level: 'silent' }) };
    store = new SqliteFeatureStore({ file, cachedBytes: 4_096, checkedAtOpenBytes: 1e9 }, around);
    await store.start();
    reader = openForReading(file);
    view = compileView(VIEW, await store.register(VIEW.name, slotsOf(VIEW)));
  });
  afterAll(async () => {
    reader.close();
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const say = async ({ entity, kind, eventAt, createdAt, value }: Said): Promise<void> => {
    const { viewNo, slotNos, streams } = view;
    if (kind === 'pushed') {
      await store.put({
        viewNo,
        entity,
        eventAt,
        values: [
          [slotNos[0] ?? 0, value],
          [slotNos[1] ?? 0, value],
        ],
      });
      return;
    }
    const slotNo = streams[0]?.slotNo ?? 0;
    batchId += 1;
    const said = new LogColumnsBuilder();
    said.add({ source: 0, deviceId: entity, receivedAt: createdAt, eventAt: [eventAt], values: [value] });
    const slots = [{ viewNo, slotNo, paneMs: PANE_MS, panes: PANES }];
    await store.applyLog({ lastBatchId: batchId, slots, said: said.columns(), keptFrom: 0 });
  };

  /** As the runner reads them: many entities, one after the other, as of one instant. */
  const rowsAt = (entities: readonly string[], at: number): number[][] => {
    const layout: VectorLayout = {
      names: VIEW.features.map(({ name }) => name),
      views: [{ viewNo: view.viewNo, view: VIEW, slotNos: view.slotNos, asOfSlots: view.asOfSlots }],
      picks: VIEW.features.map((_, index) => ({ of: 0, index })),
    };
    const states = new KnownStates(reader, layout.views, at);
    const vectors = new VectorRows(layout, at, false);
    return entities.map((entity) => {
      const row = new Float32Array(vectors.width);
      expect(vectors.fill(row, 0, states.read(entity, undefined, null), undefined)).toBeUndefined();
      return [...row];
    });
  };

  test('equal an oracle at any instant, and stay what they were whatever is corrected later', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 30 }), async (events) => {
        cases += 1;
        clock.at = 10_000;
        const said: Said[] = [];
        const asked: { readonly at: number; readonly rows: number[][] }[] = [];
        const entities = ['a', 'b', 'c'].map((name) => `${name}-${cases}`);
        for (const { after, kind, entity, ago, value } of events) {
          clock.at += after;
          const createdAt = clock.at;
          const eventAt = kind === 'pushed' ? Math.min(createdAt, createdAt - ago) : createdAt - ago;
          const each: Said = { entity: `${entity}-${cases}`, kind, eventAt, createdAt, value };
          await say(each);
          said.push(each);
          asked.push({ at: clock.at, rows: rowsAt(entities, clock.at) });
        }
        for (const { at, rows } of asked) {
          expect([at, rowsAt(entities, at)]).toEqual([at, rows]);
          const expected = entities.map((entity) => oracle(said, entity, at).map(Math.fround));
          expect([at, rows]).toEqual([at, expected]);
        }
        for (let at = 9_990; at <= clock.at + 2 * MAX_AGE_MS; at += 149) {
          const expected = entities.map((entity) => oracle(said, entity, at).map(Math.fround));
          expect([at, rowsAt(entities, at)]).toEqual([at, expected]);
        }
      }),
      { numRuns: 30 },
    );
  });
});
