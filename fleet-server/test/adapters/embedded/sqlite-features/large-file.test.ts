/** A feature file too large to be checked before the start: what names values is checked all the same, the rest while it is used. */
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { PrometheusMetrics } from '../../../../src/adapters/embedded/prometheus-metrics.ts';
import { SqliteFeatureStore } from '../../../../src/adapters/embedded/sqlite-features/sqlite-feature-store.ts';
import { SystemClock } from '../../../../src/adapters/embedded/system-clock.ts';
import { until } from '../../../running-server.ts';

// Threads start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

const PAGE_BYTES = 4_096;
const ENTITIES = 300;
const SLOT = { kind: 'pushed', identity: 'p' } as const;

/** Overwrites the root page of a table of a closed file. */
const damage = (file: string, table: string): void => {
  const db = new Database(file);
  const root = db.prepare<[string], number>('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(table);
  db.close();
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(PAGE_BYTES, 0x5a), 0, PAGE_BYTES, ((root ?? 0) - 1) * PAGE_BYTES);
  closeSync(handle);
};

describe('a large feature file', () => {
  let folder: string;
  let file: string;
  let store: SqliteFeatureStore;
  let viewNo: number;
  const open = async (checkedAtOpenBytes: number): Promise<void> => {
    const parts = { clock: new SystemClock(), metrics: new PrometheusMetrics(), log: pino({ level: 'silent' }) };
    store = new SqliteFeatureStore({ file, cachedBytes: 65_536, checkedAtOpenBytes }, parts);
    await store.start();
    ({ viewNo } = await store.register('v', [SLOT]));
  };
  const setAside = (): string[] =>
    readdirSync(folder).filter((name) => name.includes('.corrupt-') && !/-(wal|shm)$/.test(name));

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-features-'));
    file = join(folder, 'features.db');
    await open(1e9);
    const values = [[1, 0.5]] as const;
    const writes = Array.from({ length: ENTITIES }, (_, i) => ({ viewNo, entity: `e-${i}`, eventAt: null, values }));
    await store.beginImport('fill', 'v');
    await store.importRows({ importId: 'fill', writes, rejected: [] });
    await store.stop();
  });
  afterEach(async () => {
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is used at once and stays what it is when it is whole', async () => {
    await open(1);
    expect(store.read(viewNo, 'e-7')?.slots.get(1)).toMatchObject({ value: 0.5 });
    await store.stop();
    await open(1);
    expect(setAside()).toEqual([]);
  });

  it('with damaged names of values is set aside before anything is served', async () => {
    damage(file, 'slots');
    await open(1);
    expect(setAside()).toHaveLength(1);
    expect(store.read(viewNo, 'e-7')).toBeUndefined();
  });

  it('with damaged history serves on, and is checked whole and set aside at the next start', async () => {
    damage(file, 'pushed');
    await open(1);
    await until(() => existsSync(`${file}-suspect`));
    expect(setAside()).toEqual([]);
    expect(store.read(viewNo, 'e-7')?.slots.get(1)).toMatchObject({ value: 0.5 });
    await store.stop();
    await open(1);
    expect(setAside()).toHaveLength(1);
    expect(existsSync(`${file}-suspect`)).toBe(false);
  });

  it('forgets what it holds of an entity when that is erased, history and all, and of no other', async () => {
    await open(1e9);
    const slots = [{ slotNo: 1, kind: 'pushed' as const, paneMs: undefined, names: [] }];
    const query = { viewNo, slots, from: undefined, to: undefined, limit: 10, cursor: undefined };
    expect(store.read(viewNo, 'e-7')).toBeDefined();
    expect((await store.history({ ...query, entity: 'e-7' })).items).toHaveLength(1);
    await store.erase([viewNo], 'e-7');
    expect(store.read(viewNo, 'e-7')).toBeUndefined();
    expect((await store.history({ ...query, entity: 'e-7' })).items).toEqual([]);
    expect(store.read(viewNo, 'e-8')).toBeDefined();
    await store.erase([viewNo], 'e-7');
  });
});
