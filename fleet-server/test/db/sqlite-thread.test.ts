/** The SQLite thread: durable on every open, never on the event loop, and honest about a damaged file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { openSqliteDatabase, type OpenedDatabase } from '../../src/db/open-database.ts';
import { SqliteClient } from '../../src/db/sqlite-client.ts';
import { until } from '../running-server.ts';

describe('the SQLite thread', () => {
  let folder: string;
  let file: string;
  /** Closed after every test, also after one that failed: an open thread keeps the process alive. */
  let closing: (() => Promise<void>)[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-db-'));
    file = join(folder, 'control.db');
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing) await close();
    rmSync(folder, { recursive: true, force: true });
  });

  const openDatabase = async (openedAt = 0): Promise<OpenedDatabase> => {
    const opened = await openSqliteDatabase(file, openedAt);
    closing.push(() => opened.database.destroy());
    return opened;
  };
  const openClient = async (): Promise<SqliteClient> => {
    const client = await SqliteClient.open(file, 0);
    closing.push(() => client.close());
    return client;
  };

  it('syncs every commit, on the first open and on every other', async () => {
    for (let open = 0; open < 2; open += 1) {
      const { database } = await openDatabase();
      const pragma = async (name: string): Promise<unknown> =>
        (await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(database)).rows[0];
      // 2 is FULL; a reopened WAL file would be NORMAL by itself.
      expect(await pragma('synchronous')).toEqual({ synchronous: 2 });
      expect(await pragma('journal_mode')).toEqual({ journal_mode: 'wal' });
      expect(await pragma('foreign_keys')).toEqual({ foreign_keys: 1 });
      await database.destroy();
    }
  });

  it('leaves the event loop free while a statement runs', async () => {
    const client = await openClient();
    let turns = 0;
    let running = true;
    const slow = client
      .execute(
        'with recursive c(n) as (select 1 union all select n + 1 from c where n < 2000000) select sum(n) from c',
        [],
      )
      .finally(() => {
        running = false;
      });
    await until(() => {
      turns += 1;
      return !running;
    });
    expect((await slow).rows).toHaveLength(1);
    expect(turns).toBeGreaterThan(2);
    await client.close();
  });

  it('keeps what was committed from one open to the next', async () => {
    const { database } = await openDatabase();
    const context = { scope: 'fleet', device_id: null, document: '{}', revision: 1, updated_at: 0 };
    await database.insertInto('contexts').values(context).execute();
    await database.destroy();
    const again = await openDatabase();
    expect(await again.database.selectFrom('contexts').select('scope').execute()).toEqual([{ scope: 'fleet' }]);
    await again.database.destroy();
  });

  it('sets a damaged file aside, byte for byte, and begins a fresh one', async () => {
    const { database } = await openDatabase();
    await database.destroy();
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 4_096, 20_480);
    writeFileSync(file, bytes);
    const reopened = await openDatabase(77);
    expect(reopened.quarantined).toBe(`${file}.corrupt-77`);
    expect(readFileSync(`${file}.corrupt-77`)).toEqual(bytes);
    expect(await reopened.database.selectFrom('devices').selectAll().execute()).toEqual([]);
    await reopened.database.destroy();
    expect((await openAndClose(file)).quarantined).toBeNull();
  });

  it('sets aside a file that is no database at all', async () => {
    writeFileSync(file, 'this is not a database, and long enough to have a header of one hundred bytes '.repeat(3));
    expect((await openAndClose(file)).quarantined).toBe(`${file}.corrupt-5`);
    expect(readdirSync(folder)).toContain('control.db.corrupt-5');
  });

  it('refuses a database of a newer server without touching it', async () => {
    const { database } = await openDatabase();
    await sql`insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '')`.execute(database);
    await database.destroy();
    await expect(openSqliteDatabase(file, 0)).rejects.toMatchObject({ code: 'DATABASE_SCHEMA', retryable: false });
  });

  it('names a fault of the disk as retryable and a fault of a statement as not', async () => {
    await expect(SqliteClient.open(join(folder, 'missing', 'control.db'), 0)).rejects.toMatchObject({
      code: expect.stringMatching(/DATABASE_(UNAVAILABLE|FAILED)/),
    });
    const client = await openClient();
    await client.execute('create table t (x)', []);
    await client.execute('pragma max_page_count = 3', []);
    const filling = client.execute('insert into t values (zeroblob(100000))', []);
    await expect(filling).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryable: true });
    await expect(client.execute('select * from nowhere', [])).rejects.toMatchObject({ code: 'DATABASE_FAILED' });
    expect((await client.execute('select 1 as one', [])).rows).toEqual([{ one: 1 }]);
    await client.close();
    await expect(client.execute('select 1', [])).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  describe('that dies', () => {
    /** As a crash inside the thread would: at once, whatever it was doing. */
    const kill = async (client: SqliteClient): Promise<void> => {
      await client['worker']?.terminate();
    };

    it('is started again by the next statement, with everything that was committed', async () => {
      const deaths: unknown[] = [];
      const client = await SqliteClient.open(file, 0, (cause) => deaths.push(cause));
      closing.push(() => client.close());
      await client.execute('create table t (x)', []);
      await client.execute('insert into t values (1)', []);
      await kill(client);
      const both = await Promise.all([client.execute('select x from t', []), client.execute('pragma synchronous', [])]);
      expect(both.map(({ rows }) => rows)).toEqual([[{ x: 1 }], [{ synchronous: 2 }]]);
      expect(deaths).toHaveLength(1);
    });

    it('answers what it was asked as retryable', async () => {
      const client = await openClient();
      const asked = client.execute(
        'with recursive c(n) as (select 1 union all select n + 1 from c where n < 3000000) select sum(n) from c',
        [],
      );
      const answer = asked.catch((error: unknown) => error);
      await kill(client);
      expect(await answer).toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryable: true });
    });

    it('never carries on half a transaction', async () => {
      const { database } = await openDatabase();
      const client = await openClient();
      await client.execute('create table t (x)', []);
      await client.execute('begin immediate', []);
      await client.execute('insert into t values (1)', []);
      await kill(client);
      await expect(client.execute('insert into t values (2)', [])).rejects.toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
      });
      await expect(client.execute('commit', [])).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
      await client.execute('rollback', []);
      await client.execute('insert into t values (3)', []);
      expect((await sql.raw('select x from t').execute(database)).rows).toEqual([{ x: 3 }]);
    });

    it('does not put a fresh file in the place of one that was damaged meanwhile', async () => {
      const client = await openClient();
      await client.execute('create table t (x)', []);
      await kill(client);
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
      writeFileSync(file, 'this is not a database '.repeat(30));
      await expect(client.execute('select 1', [])).rejects.toMatchObject({ name: 'FleetError' });
      expect(readdirSync(folder)).toEqual(['control.db']);
    });
  });
});

const openAndClose = async (file: string): Promise<{ readonly quarantined: string | null }> => {
  const { database, quarantined } = await openSqliteDatabase(file, 5);
  await database.destroy();
  return { quarantined };
};
