/** A file too large to be checked before the start: what decides about duplicates is checked all the same, the rest later. */
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Database from 'better-sqlite3';
import { until } from '../../../running-server.ts';
import { EPOCH, batchOf, reading } from '../../../telemetry-records.ts';
import { openStore, type StoreUnderTest } from './store-under-test.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

const NOW = Date.UTC(2026, 4, 20, 12);
const PAGE_BYTES = 4_096;
const LARGE = { checkedAtOpenBytes: 1 } as const;

/** Overwrites the root page of a table of a closed file. */
const damage = (file: string, table: string): void => {
  const db = new Database(file);
  const root = db.prepare<[string], number>('SELECT rootpage FROM sqlite_schema WHERE name LIKE ?').pluck().get(table);
  db.close();
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(PAGE_BYTES, 0x5a), 0, PAGE_BYTES, ((root ?? 0) - 1) * PAGE_BYTES);
  closeSync(handle);
};

const setAsideIn = (file: string): string[] =>
  readdirSync(dirname(file)).filter((name) => name.includes('.corrupt-') && !/-(wal|shm)$/.test(name));

describe('a large file', () => {
  let subject: StoreUnderTest;
  beforeEach(async () => {
    subject = await openStore();
    const many = Array.from({ length: 500 }, (_, n) => reading(n + 1, NOW + n));
    await subject.store.append([batchOf('readings', many)], []);
    await subject.store.stop();
  });
  afterEach(() => subject.remove());

  it('is used at once and stays what it is when it is whole', async () => {
    subject = await subject.reopen(LARGE);
    expect(await subject.store.append([batchOf('readings', [reading(500, NOW + 499)])], [])).toMatchObject({
      duplicates: 1,
    });
    await subject.store.stop();
    expect(setAsideIn(subject.file)).toEqual([]);
  });

  it('with damaged ranges is not used for one record', async () => {
    damage(subject.file, 'received');
    subject = await subject.reopen(LARGE);
    expect(setAsideIn(subject.file)).toHaveLength(1);
    expect(await subject.store.highestSequence('pump-1', EPOCH)).toBe(0);
  });

  it('with damaged records is found out while it is used, and set aside', async () => {
    damage(subject.file, 'raw%');
    subject = await subject.reopen(LARGE);
    await until(() => setAsideIn(subject.file).length === 1);
    await until(async () => (await subject.store.storageState()).quarantined !== null);
    await subject.store.append([batchOf('readings', [reading(501, NOW)])], []);
    expect(await subject.store.storageState()).toMatchObject({ state: 'ok' });
  });
});
