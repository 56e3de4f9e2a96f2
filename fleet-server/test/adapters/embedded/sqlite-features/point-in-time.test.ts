/** The store against an oracle that keeps everything: whatever comes late, an as-of read knows only what was known by then. */
import { LogColumnsBuilder } from '../../../../src/ports/log-columns.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mergePanes, paneOf, windowAt, type Pane, type PushedValue } from '@shoal/models';
import fc from 'fast-check';
import { pino } from 'pino';
import { SqliteFeatureStore } from '../../../../src/adapters/embedded/sqlite-features/sqlite-feature-store.ts';
import { PrometheusMetrics } from '../../../../src/adapters/embedded/prometheus-metrics.ts';
import { Clock } from '../../../../src/ports/clock.ts';
import type { RegisteredView } from '../../../../src/ports/feature-store.ts';

class TestClock extends Clock {
  at = 0;
  override now(): number {
    return this.at;
  }
  override monotonic(): number {
    return this.at;
  }
}

const WINDOW = { windowMs: 400, panes: 4 };
const PANE_MS = 100;

/** A step of time, and what is said then: a value that was true `ago`, or a reading observed `ago`. */
const event = fc.record({
  after: fc.integer({ min: 1, max: 150 }),
  kind: fc.constantFrom('pushed', 'stream'),
  ago: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_200 })),
  value: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: -50, max: 50 }) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
});

interface Said {
  readonly eventAt: number;
  readonly createdAt: number;
  readonly value: number | null;
}

const newestPushed = (said: readonly Said[], at: number): Said | undefined =>
  said
    .filter(({ eventAt, createdAt }) => eventAt <= at && createdAt <= at)
    .toSorted((a, b) => a.eventAt - b.eventAt || a.createdAt - b.createdAt)
    .at(-1);

const oracleWindow = (said: readonly Said[], at: number): Pane | undefined => {
  const known = said.filter(({ createdAt }) => createdAt <= at);
  const panes = new Map<number, Pane>();
  for (const { eventAt, value } of known) {
    const index = Math.floor(eventAt / PANE_MS);
    const own = paneOf(index, value ?? 0, eventAt);
    const before = panes.get(index);
    panes.set(index, before === undefined ? own : mergePanes(before, own));
  }
  return windowAt(
    [...panes.values()].toSorted((a, b) => a.index - b.index),
    at,
    WINDOW,
  );
};

describe('point in time', () => {
  let folder: string;
  let store: SqliteFeatureStore;
  let registered: RegisteredView;
  const clock = new TestClock();
  const file = (): string => join(folder, 'features.db');
  const open = async (): Promise<void> => {
    const options = { file: file(), cachedBytes: 4_096, checkedAtOpenBytes: 1e9 };
    store = new SqliteFeatureStore(options, {
      clock,
      metrics: new PrometheusMetrics(),
      log: pino({ level: 'silent' }),
    });
    await store.start();
    registered = await store.register('v', [
      { kind: 'pushed', identity: 'p' },
      { kind: 'stream', identity: 's' },
    ]);
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-features-'));
    await open();
  });
  afterAll(async () => {
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  let entities = 0;
  let disagreed = 0;
  let batchId = 0;
  test('the online store and every as-of read equal the oracle, whatever comes late', async () => {
    const [pushedSlot, streamSlot] = registered.slots.map(({ slotNo }) => slotNo) as [number, number];
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 25 }), async (events) => {
        entities += 1;
        const entity = `e-${entities}`;
        clock.at = 10_000;
        const said: Record<'pushed' | 'stream', Said[]> = { pushed: [], stream: [] };
        for (const { after, kind, ago, value } of events) {
          clock.at += after;
          const each = {
            eventAt: clock.at - ago,
            createdAt: clock.at,
            value: kind === 'stream' ? (value ?? 0) : value,
          };
          if (kind === 'pushed') {
            const known = said.pushed.filter(({ eventAt }) => eventAt === each.eventAt).at(-1);
            const isNews = known === undefined || known.value !== value;
            const { viewNo } = registered;
            const outcome = await store.put({ viewNo, entity, eventAt: each.eventAt, values: [[pushedSlot, value]] });
            disagreed += 'changed' in outcome && outcome.changed === isNews ? 0 : 1;
            if (!isNews) continue;
          } else {
            batchId += 1;
            const { viewNo } = registered;
            const slots = [{ viewNo, slotNo: streamSlot, paneMs: PANE_MS, panes: 4 }];
            const log = new LogColumnsBuilder();
            const [eventAt, values] = [[each.eventAt], [each.value ?? 0]];
            log.add({ source: 0, deviceId: entity, receivedAt: clock.at, eventAt, values });
            await store.applyLog({ lastBatchId: batchId, slots, said: log.columns(), keptFrom: 0 });
          }
          said[kind].push(each);
          const online = store.read(registered.viewNo, entity)?.slots;
          const held = online?.get(pushedSlot) as PushedValue | undefined;
          expect(held).toEqual(newestPushed(said.pushed, clock.at));
          const panes = (online?.get(streamSlot) ?? []) as Pane[];
          expect(windowAt(panes, clock.at, WINDOW)).toEqual(oracleWindow(said.stream, clock.at));
          expect(panes.length).toBeLessThanOrEqual(4);
        }
        for (let at = 9_990; at <= clock.at + 50; at += 37) {
          const slots = [
            { slotNo: pushedSlot, kind: 'pushed' as const, window: undefined },
            { slotNo: streamSlot, kind: 'stream' as const, window: { paneMs: PANE_MS, panes: 4 } },
          ];
          const known = { pushedAt: at, streamAt: at, windowAt: at };
          const then = await store.readAsOf({ viewNo: registered.viewNo, entity, slots, at, known });
          expect(then.slots.get(pushedSlot)).toEqual(newestPushed(said.pushed, at));
          const panes = (then.slots.get(streamSlot) ?? []) as Pane[];
          expect(windowAt(panes, at, WINDOW)).toEqual(oracleWindow(said.stream, at));
        }
      }),
      { numRuns: 60 },
    );
    expect(disagreed).toBe(0);
  });

  test('effects and position are one: what was applied is at its position after a reopening', async () => {
    await store.stop();
    await open();
    expect(registered.slots[1]?.position).toBe(batchId);
  });

  test('a record older than what is kept enters no window, and is counted', async () => {
    const { viewNo, slots } = registered;
    const slotNo = slots[1]?.slotNo ?? 0;
    const log = new LogColumnsBuilder();
    log.add({ source: 0, deviceId: 'late', receivedAt: 50_000, eventAt: [100, 49_990], values: [1, 2] });
    const windows = [{ viewNo, slotNo, paneMs: PANE_MS, panes: 4 }];
    const effects = { lastBatchId: batchId + 1, slots: windows, said: log.columns(), keptFrom: 1_000 };
    expect(await store.applyLog(effects)).toEqual({ applied: 1, tooLate: 1 });
  });

  test('If-Match is looked at in the transaction that writes', async () => {
    const { viewNo, slots } = registered;
    const write = { viewNo, entity: 'guarded', eventAt: null, values: [[slots[0]?.slotNo ?? 0, 1]] as const };
    clock.at = 60_000;
    const { pushedAt } = await store.put(write);
    clock.at = 60_100;
    expect(await store.put({ ...write, values: [[slots[0]?.slotNo ?? 0, 2]], ifMatch: [pushedAt] })).toMatchObject({
      changed: true,
    });
    expect(await store.put({ ...write, ifMatch: [pushedAt] })).toEqual({ stale: true, pushedAt: 60_100 });
  });

  test('history pages through every row once', async () => {
    const { viewNo, slots } = registered;
    const query = {
      viewNo,
      entity: `e-${entities}`,
      slots: slots.map(({ slotNo }, index) => ({
        slotNo,
        kind: index === 0 ? ('pushed' as const) : ('stream' as const),
        paneMs: index === 0 ? undefined : PANE_MS,
        names: [],
      })),
      from: undefined,
      to: undefined,
    };
    const whole = await store.history({ ...query, limit: 1_000, cursor: undefined });
    const paged = [];
    let cursor: string | null | undefined;
    do {
      const page = await store.history({ ...query, limit: 1, cursor: cursor ?? undefined });
      paged.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(paged).toEqual(whole.items);
    expect(whole.items.length).toBeGreaterThan(0);
  });

  test('panes are dropped by the time they were created', async () => {
    expect(await store.dropWindowsBefore(1)).toBe(0);
    expect(await store.dropWindowsBefore(Number.MAX_SAFE_INTEGER)).toBeGreaterThan(0);
  });
});
