/** What the store does when the disk is full, the file is damaged, or the file is not its own. */
import { closeSync, existsSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import Database from 'better-sqlite3';
import { openForWriting } from '../../../../src/adapters/embedded/sqlite-telemetry/telemetry-file.ts';
import { until } from '../../../running-server.ts';
import { EPOCH, batchOf, event, reading } from '../../../telemetry-records.ts';
import { openStore, type StoreUnderTest } from './store-under-test.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

const NOW = Date.UTC(2026, 4, 20, 12);
const PAGES = 200;

const overwrite = (file: string, from: number, bytes: number): void => {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(bytes, 0x5a), 0, bytes, from);
  closeSync(handle);
};

const setAsideIn = (file: string): string[] =>
  readdirSync(dirname(file)).filter((name) => /\.corrupt-[^-]+/.test(name) && !/-(wal|shm)$/.test(name));

describe('a full disk', () => {
  let subject: StoreUnderTest;
  afterEach(() => subject.remove());

  it('refuses whole appends, keeps what was acknowledged, and stores again when there is space', async () => {
    subject = await openStore({ maxPages: PAGES });
    const { store } = subject;
    const acknowledged: number[] = [];
    const append = (first: number): Promise<unknown> => {
      const records = Array.from({ length: 100 }, (_, n) => event(first + n, NOW + first + n));
      const filler = batchOf('events', records, { deviceId: 'filler', receivedAt: NOW });
      return store.append([filler, batchOf('readings', [reading(first, NOW + first)])], []);
    };
    let refusal: unknown;
    for (let first = 1; refusal === undefined; first += 100) {
      await append(first).then(
        () => acknowledged.push(first),
        (error: unknown) => (refusal = error),
      );
    }
    expect(refusal).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true });
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(await store.storageState()).toMatchObject({ state: 'refusing', why: expect.stringContaining('FULL') });
    const page = await store.history({
      kind: 'readings',
      deviceId: 'pump-1',
      from: undefined,
      to: undefined,
      order: 'asc',
      limit: 1_000,
      cursor: undefined,
    });
    expect(page.items.map((item) => item.sequence)).toEqual(acknowledged);
    await expect(append(900_000)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });

    await store.dropExpired(NOW + 30 * 86_400_000);
    await until(async () => (await store.storageState()).state === 'ok');
    await append(1_000_000);
    expect(await store.highestSequence('pump-1', EPOCH)).toBe(1_000_000);
    expect(subject.storageChanges.map((change) => change.state)).toEqual(['refusing', 'ok']);
  });
});

describe('a damaged file', () => {
  let subject: StoreUnderTest;
  afterEach(() => subject.remove());

  it('is set aside at the start and a fresh one is begun', async () => {
    subject = await openStore();
    const many = Array.from({ length: 500 }, (_, n) => reading(n + 1, NOW + n));
    await subject.store.append([batchOf('readings', many)], []);
    await subject.store.stop();
    overwrite(subject.file, 8_192, 32_768);
    subject = await subject.reopen();
    expect(setAsideIn(subject.file)).toHaveLength(1);
    expect(await subject.store.storageState()).toMatchObject({
      state: 'ok',
      quarantined: expect.stringContaining('corrupt'),
    });
    expect(await subject.store.totals()).toEqual({ records: 0, duplicates: 0, deadLetters: 0 });
    await subject.store.append([batchOf('readings', [reading(1, NOW)])], []);
    expect(await subject.store.highestSequence('pump-1', EPOCH)).toBe(1);
  });

  it('that is no database at all is treated alike', async () => {
    subject = await openStore();
    await subject.store.stop();
    writeFileSync(subject.file, 'this is not a database, it is a letter to you. '.repeat(100));
    subject = await subject.reopen();
    expect(setAsideIn(subject.file)).toHaveLength(1);
    await subject.store.append([batchOf('readings', [reading(1, NOW)])], []);
  });

  it('is set aside while running, and the store goes on with a fresh one', async () => {
    subject = await openStore();
    const { store, file } = subject;
    const many = Array.from({ length: 3_000 }, (_, n) => reading(n + 1, NOW + n));
    for (let at = 0; at < many.length; at += 500)
      await store.append([batchOf('readings', many.slice(at, at + 500))], []);
    // Folding the log in makes the pages on disk those that are read next.
    const other = new Database(file);
    other.pragma('wal_checkpoint(TRUNCATE)');
    other.close();
    overwrite(file, 4_096, 400_000);
    const query = { kind: 'readings', deviceId: 'pump-1', order: 'asc', limit: 1_000, cursor: undefined } as const;
    await until(async () => {
      await store.history({ ...query, from: undefined, to: undefined }).catch(() => undefined);
      return setAsideIn(file).length === 1;
    });
    await until(() =>
      store.append([batchOf('readings', [reading(1, NOW)])], []).then(
        () => true,
        () => false,
      ),
    );
    await until(async () => (await store.highestSequence('pump-1', EPOCH).catch(() => 0)) === 1);
    expect((await store.storageState()).quarantined).toContain('corrupt');
  });
});

describe('the file', () => {
  it('is synced with every commit, also when it is opened again', async () => {
    const subject = await openStore();
    await subject.store.stop();
    for (let opening = 0; opening < 2; opening += 1) {
      const { db } = openForWriting(subject.file, { maxPages: 1_000_000, checkedAtOpenBytes: 1e9 }, NOW);
      expect(db.pragma('synchronous', { simple: true })).toBe(2);
      expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
      db.close();
    }
    await subject.remove();
  });

  it('of a newer version is left alone', async () => {
    const subject = await openStore();
    await subject.store.stop();
    const db = new Database(subject.file);
    db.pragma('user_version = 999');
    db.close();
    await expect(subject.reopen()).rejects.toMatchObject({ code: 'STORAGE_VERSION_UNKNOWN' });
    expect(existsSync(subject.file)).toBe(true);
    expect(setAsideIn(subject.file)).toEqual([]);
    await subject.remove();
  });

  it('keeps everything over a restart', async () => {
    let subject = await openStore();
    const { batchId } = await subject.store.append([batchOf('readings', [reading(1, NOW), reading(2, NOW + 1)])], []);
    subject = await subject.reopen();
    expect(await subject.store.append([batchOf('readings', [reading(2, NOW + 1)])], [])).toMatchObject({
      duplicates: 1,
    });
    const next = await subject.store.append([batchOf('readings', [reading(3, NOW + 2)])], []);
    expect(next.batchId).toBeGreaterThan(batchId);
    expect(await subject.store.totals()).toEqual({ records: 3, duplicates: 1, deadLetters: 0 });
    await subject.remove();
  });
});
