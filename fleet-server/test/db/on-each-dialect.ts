/** Runs one suite on every dialect of the control database: SQLite in its thread, and a real PostgreSQL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from '@jest/globals';
import { ControlDatabase } from '../../src/db/database.ts';
import { postgresDialect } from '../../src/db/dialects.ts';
import { migrateToLatest } from '../../src/db/migrate.ts';
import { openSqliteDatabase } from '../../src/db/open-database.ts';
import { findPostgres, INSTALL_POSTGRES, PostgresCluster } from './postgres-cluster.ts';

/** Opens a fresh, migrated database; whoever opens it destroys it. */
export type OpenDatabase = () => Promise<ControlDatabase>;

const onSqlite = (name: string, suite: (open: OpenDatabase) => void): void => {
  describe(`${name} on SQLite`, () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'shoal-db-'));
    });
    afterAll(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    let count = 0;
    suite(async () => {
      count += 1;
      return (await openSqliteDatabase(join(folder, `${count}.db`), 0)).database;
    });
  });
};

const onPostgres = (name: string, suite: (open: OpenDatabase) => void): void => {
  const bin = findPostgres();
  const title = `${name} on PostgreSQL${bin === undefined ? ` (missing; ${INSTALL_POSTGRES})` : ''}`;
  (bin === undefined ? describe.skip : describe)(title, () => {
    let cluster: PostgresCluster;
    beforeAll(async () => {
      cluster = await PostgresCluster.start(bin as string);
    }, 60_000);
    afterAll(async () => {
      await cluster.stop();
    }, 60_000);
    let count = 0;
    suite(async () => {
      count += 1;
      const database = new ControlDatabase({ dialect: postgresDialect(await cluster.freshPool(`fleet_${count}`)) });
      await migrateToLatest(database);
      return database;
    });
  });
};

/** `suite` gets the database of the test that is running. */
export const onEachDialect = (name: string, suite: (database: () => ControlDatabase) => void): void => {
  for (const onDialect of [onSqlite, onPostgres]) {
    onDialect(name, (open) => {
      let database: ControlDatabase;
      beforeEach(async () => {
        database = await open();
      });
      afterEach(async () => {
        await database.destroy();
      });
      suite(() => database);
    });
  }
};
