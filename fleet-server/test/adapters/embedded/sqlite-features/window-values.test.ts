/** Values of published windows in the real feature store: revisions, late ends, clocks that step back, positions, and files of before. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { SqliteFeatureStore } from '../../../../src/adapters/embedded/sqlite-features/sqlite-feature-store.ts';
import { SystemClock } from '../../../../src/adapters/embedded/system-clock.ts';
import { PrometheusMetrics } from '../../../../src/adapters/embedded/prometheus-metrics.ts';
import type { PushedValue } from '@shoal/models';

const SLOTS = [
  { kind: 'pushed', identity: 'p' },
  { kind: 'windows', identity: 'w' },
] as const;

describe('values of windows', () => {
  let folder: string;
  let store: SqliteFeatureStore;
  let viewNo: number;
  let slotNo: number;
  let position = 0;

  const open = async (): Promise<{ position: number; fill: string | null } | undefined> => {
    const options = { file: join(folder, 'features.db'), cachedBytes: 65_536, checkedAtOpenBytes: 1e9 };
    const [clock, metrics] = [new SystemClock(), new PrometheusMetrics()];
    store = new SqliteFeatureStore(options, { clock, metrics, log: pino({ level: 'silent' }) });
    await store.start();
    const registered = await store.register('v', SLOTS);
    viewNo = registered.viewNo;
    slotNo = registered.slots[1]?.slotNo ?? 0;
    return registered.slots[1];
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-window-values-'));
    position = 0;
  });
  afterEach(async () => {
    await store.stop();
    rmSync(folder, { recursive: true });
  });

  /** One publication: a window's end, when it was published, and its value. */
  const publish = (eventAt: number, createdAt: number, value: number | null, keptFrom = 0) => {
    position += 1;
    const values = [{ viewNo, slotNo, entity: 'e', eventAt, createdAt, value }];
    return store.applyWindows({ slotNos: [slotNo], progress: { position, fill: null }, values, keptFrom });
  };
  const online = (): PushedValue | undefined => store.read(viewNo, 'e')?.slots.get(slotNo) as PushedValue | undefined;
  const asOf = async (at: number): Promise<PushedValue | undefined> => {
    const known = { pushedAt: at, streamAt: at, windowAt: at };
    const slots = [{ slotNo, kind: 'windows' as const, window: undefined }];
    return (await store.readAsOf({ viewNo, entity: 'e', slots, at, known })).slots.get(slotNo) as
      PushedValue | undefined;
  };

  it('corrects a window, and lets no older one win', async () => {
    expect(await open()).toMatchObject({ position: -1, fill: null });
    await publish(1_000, 1_030, 1);
    await publish(2_000, 2_030, 2);
    await publish(1_000, 3_000, 10);
    expect(online()).toEqual({ value: 2, eventAt: 2_000, createdAt: 2_030 });
    await publish(2_000, 3_500, null);
    expect(online()).toEqual({ value: null, eventAt: 2_000, createdAt: 3_500 });
    expect([await asOf(1_029), (await asOf(2_000))?.value, (await asOf(3_499))?.value]).toEqual([undefined, 1, 2]);
  });

  it('does not let a correction be older than what it corrects, whatever the clock of the server does', async () => {
    await open();
    await publish(1_000, 5_000, 1);
    await publish(2_000, 5_100, 2);
    await publish(1_000, 4_000, 3);
    await publish(2_000, 4_100, 4);
    expect(online()).toEqual({ value: 4, eventAt: 2_000, createdAt: 5_100 });
    expect((await asOf(5_000))?.value).toBe(3);
  });

  it('knows a window whose end lies ahead from when it was published', async () => {
    await open();
    await publish(400_000, 1_000, 7);
    expect([await asOf(999), (await asOf(1_000))?.value]).toEqual([undefined, 7]);
  });

  it('leaves the tag of what is pushed alone, and counts what is too old', async () => {
    await open();
    const { pushedAt } = await store.put({ viewNo, entity: 'e', eventAt: null, values: [[slotNo - 1, 5]] });
    expect(await publish(100, 9_000, 1, 200)).toEqual({ applied: 0, tooLate: 1 });
    expect(await publish(300, 9_000, 1, 200)).toEqual({ applied: 1, tooLate: 0 });
    expect(store.read(viewNo, 'e')).toMatchObject({ pushedAt, streamAt: 0, windowAt: 9_000 });
  });

  it('has the position of what it stored after a reopening, also in the middle of a filling', async () => {
    await open();
    await publish(1_000, 1_000, 1);
    await store.applyWindows({ slotNos: [slotNo], progress: { position: 9, fill: 'next' }, values: [], keptFrom: 0 });
    await store.stop();
    expect(await open()).toMatchObject({ position: 9, fill: 'next' });
    expect(online()?.value).toBe(1);
  });

  it('drops values by the time they were created, and everything of what is erased', async () => {
    await open();
    await publish(1_000, 1_000, 1);
    await publish(2_000, 2_000, 2);
    const query = { viewNo, entity: 'e', from: undefined, to: undefined, limit: 10, cursor: undefined };
    const slots = [{ slotNo, kind: 'windows' as const, paneMs: undefined, names: [] }];
    expect(await store.dropWindowsBefore(2_000)).toBe(1);
    expect((await store.history({ ...query, slots })).items).toEqual([
      { slotNo, eventAt: 2_000, createdAt: 2_000, held: 2 },
    ]);
    await store.erase([viewNo], 'e');
    expect([online(), (await store.history({ ...query, slots })).items]).toEqual([undefined, []]);
  });

  it('takes a file over that was written before there were features of windows', async () => {
    await open();
    await store.put({ viewNo, entity: 'old', eventAt: 500, values: [[slotNo - 1, 5]] });
    await store.stop();
    const db = new Database(join(folder, 'features.db'));
    const state = Buffer.from(Float64Array.from([1, 700, 0, slotNo - 1, -1, 1, 5, 500, 700]).buffer);
    db.prepare("UPDATE entities SET state = ? WHERE entity = 'old'").run(state);
    db.exec("DROP TABLE window_values; ALTER TABLE slots DROP COLUMN fill; DELETE FROM slots WHERE identity = 'w'");
    db.pragma('user_version = 1');
    db.close();
    expect(await open()).toMatchObject({ position: -1, fill: null });
    expect(store.read(viewNo, 'old')).toMatchObject({ pushedAt: 700, windowAt: 0 });
    await publish(1_000, 1_000, 1);
    expect(online()?.value).toBe(1);
  });
});
