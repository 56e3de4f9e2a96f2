/**
 * Features of windows against a memory of everything that was published: whatever comes late, however far the follower is
 * behind, and wherever streams, store and server are killed.
 */
import { describe, expect, it } from '@jest/globals';
import { windowValue } from '@shoal/models';
import { entityIdSchema, entityViewSchema, type EntityView, type WindowResult } from '@shoal/protocol';
import type { CompiledView, WindowSlot } from '../../src/feature-views/compiled-view.ts';
import { scenarioOf } from '../adapters/embedded/sqlite-windows/stream-scenario.ts';
import { WindowsIntoFeatures } from './windows-into-features.ts';

const SEEDS = 20;
const MINUTE_MS = 60_000;

const viewOf = (name: string, entity: string, sources: Readonly<Record<string, object>>): EntityView =>
  entityViewSchema.parse({
    name,
    entity,
    maxAgeMs: MINUTE_MS,
    features: Object.entries(sources).map(([feature, source]) => ({
      name: feature,
      source: { kind: 'windows', ...source },
    })),
  });
const VIEWS = [
  viewOf('pumps', 'device', {
    mean: { stream: 'minutes', aggregate: 'mean' },
    p90: { stream: 'minutes', aggregate: 'shares', part: 'p90' },
    visit: { stream: 'visits', aggregate: 'sum' },
  }),
  viewOf('pumps-again', 'device', { mean: { stream: 'minutes', aggregate: 'mean' } }),
  viewOf('sites', 'site', { sum: { stream: 'hops', aggregate: 'sum' } }),
  viewOf('models', 'model', { anomalies: { stream: 'labels', aggregate: 'by', part: 'anomaly' } }),
  viewOf('rings', 'cohort', { missing: { stream: 'rings', aggregate: 'missing' } }),
];

interface Row {
  readonly eventAt: number;
  readonly createdAt: number;
  readonly value: number | null;
}

const windowOf = ({ stream, key, startAt }: WindowResult): string => `${stream} ${key} ${startAt}`;

const rowOf = ({ source }: WindowSlot, result: WindowResult): Row => ({
  eventAt: result.endAt,
  createdAt: result.updatedAt,
  value: result.state === 'retracted' ? null : windowValue(source, result.values),
});

/** What is said twice of one instant in one millisecond is what was said last. In order of event time, then created time. */
const asHistory = (rows: readonly Row[]): Row[] =>
  [...new Map(rows.map((row) => [`${row.eventAt} ${row.createdAt}`, row])).values()].toSorted(
    (a, b) => a.eventAt - b.eventAt || a.createdAt - b.createdAt,
  );

const newestAt = (history: readonly Row[], at: number): Row | undefined =>
  history.findLast(({ createdAt }) => createdAt <= at);

const entitiesOf = (run: WindowsIntoFeatures): string[] => [
  ...new Set([...run.before, ...run.after].map(({ key }) => key)),
];

const held = (run: WindowsIntoFeatures, view: CompiledView, slot: WindowSlot, entity: string): Row[] =>
  run
    .history(view, entity)
    .filter(({ slotNo }) => slotNo === slot.slotNo)
    .map(({ eventAt, createdAt, held: value }) => ({ eventAt, createdAt, value: value as number | null }));

describe('features of windows', () => {
  it(`have the history of what was published, and no read knows more than was known then (${SEEDS} seeds)`, async () => {
    let [rows, corrections, kills, refused] = [0, 0, 0, 0];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const run = new WindowsIntoFeatures(seed, scenarioOf(seed));
      try {
        await run.play(VIEWS);
        kills += run.kills;
        const revised = new Set(run.after.map(windowOf));
        for (const view of run.compiled) {
          for (const slot of view.windows) {
            for (const entity of entitiesOf(run)) {
              const isOf = ({ stream, key }: WindowResult): boolean => stream === slot.source.stream && key === entity;
              const first = run.before.filter(isOf);
              const [certain, open] = [true, false].map((isCertain) =>
                first.filter((result) => revised.has(windowOf(result)) !== isCertain).map((each) => rowOf(slot, each)),
              ) as [Row[], Row[]];
              const after = run.after.filter(isOf).map((each) => rowOf(slot, each));
              const history = held(run, view, slot, entity);
              if (!entityIdSchema.safeParse(entity).success) {
                refused += first.length + after.length;
                expect(history).toEqual([]);
                continue;
              }
              // A revision that was replaced before the filling came to it is not known any more.
              const found = open.filter((row) => history.some((each) => JSON.stringify(each) === JSON.stringify(row)));
              const expected = asHistory([...certain, ...found, ...after]);
              expect(JSON.stringify(history)).toBe(JSON.stringify(expected));
              rows += history.length;
              corrections += history.filter(({ eventAt }, index) => history[index - 1]?.eventAt === eventAt).length;
              expect(run.online(view, entity)?.slots.get(slot.slotNo)).toEqual(expected.at(-1));
              for (const { createdAt } of expected) {
                for (const at of [createdAt - 1, createdAt]) {
                  expect(run.asOf(view, entity, at).slots.get(slot.slotNo)).toEqual(newestAt(expected, at));
                }
              }
            }
          }
        }
      } finally {
        run.close();
      }
    }
    process.stderr.write(`${rows} rows, ${corrections} corrections, ${kills} kills, ${refused} refused\n`);
    for (const count of [rows, corrections, kills, refused]) expect(count).toBeGreaterThan(SEEDS);
  });
});
