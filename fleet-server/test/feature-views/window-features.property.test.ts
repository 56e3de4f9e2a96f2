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

/** One feature of one entity: what is stored of it, and what should be. */
interface Case {
  readonly entity: string;
  readonly view: CompiledView;
  readonly slot: WindowSlot;
  readonly history: readonly Row[];
  readonly expected: readonly Row[];
}

const casesOf = (run: WindowsIntoFeatures): Case[] => {
  const entities = [...new Set([...run.before, ...run.after].map(({ key }) => key))];
  return run.compiled.flatMap((view) =>
    view.windows.flatMap((slot) => entities.map((entity) => caseOf(run, { view, slot, entity }))),
  );
};

const caseOf = (run: WindowsIntoFeatures, about: Pick<Case, 'entity' | 'view' | 'slot'>): Case => {
  const { entity, view, slot } = about;
  const history = run
    .history(view, entity)
    .filter(({ slotNo }) => slotNo === slot.slotNo)
    .map(({ eventAt, createdAt, held }): Row => ({ eventAt, createdAt, value: held as number | null }));
  const isOf = ({ stream, key }: WindowResult): boolean => stream === slot.source.stream && key === entity;
  const after = run.after.filter(isOf);
  const revised = new Set(after.map(windowOf));
  const stored = new Set(history.map((row) => JSON.stringify(row)));
  // A revision that was replaced before the filling came to it need not be known any more.
  const before = run.before
    .filter(isOf)
    .filter((result) => !revised.has(windowOf(result)) || stored.has(JSON.stringify(rowOf(slot, result))));
  return { ...about, history, expected: asHistory([...before, ...after].map((result) => rowOf(slot, result))) };
};

const seen = { rows: 0, corrections: 0, kills: 0, refused: 0 };

const check = (run: WindowsIntoFeatures, { entity, view, slot, history, expected }: Case): void => {
  const isEntity = entityIdSchema.safeParse(entity).success;
  expect(JSON.stringify(history)).toBe(JSON.stringify(isEntity ? expected : []));
  if (!isEntity) seen.refused += expected.length;
  seen.rows += history.length;
  seen.corrections += history.filter(({ eventAt }, index) => history[index - 1]?.eventAt === eventAt).length;
  expect(run.online(view, entity)?.slots.get(slot.slotNo)).toEqual(history.at(-1));
  for (const at of history.flatMap(({ createdAt }) => [createdAt - 1, createdAt])) {
    expect(run.asOf(view, entity, at).slots.get(slot.slotNo)).toEqual(newestAt(history, at));
  }
};

describe('features of windows', () => {
  it(`have the history of what was published, and no read knows more than was known then (${SEEDS} seeds)`, async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const run = new WindowsIntoFeatures(seed, scenarioOf(seed));
      try {
        await run.play(VIEWS);
        seen.kills += run.kills;
        for (const each of casesOf(run)) check(run, each);
      } finally {
        run.close();
      }
    }
    process.stderr.write(`${JSON.stringify(seen)}\n`);
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(SEEDS);
  });

  it('cost nothing where no view has any: no revision is kept, and nobody is asked', async () => {
    const run = new WindowsIntoFeatures(1, scenarioOf(1));
    try {
      await run.play([]);
      expect(run.cost()).toEqual({ asked: 0, kept: 0, published: expect.any(Number) });
      expect(run.cost().published).toBeGreaterThan(0);
    } finally {
      run.close();
    }
  });
});
