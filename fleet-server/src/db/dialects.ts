/** The two dialects of the control database: SQLite in its own thread, PostgreSQL through a pool. */
import {
  CompiledQuery,
  PostgresDialect,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type PostgresPool,
  type QueryResult,
} from 'kysely';
import { FleetError } from '../errors.ts';
import type { SqliteClient } from './sqlite-client.ts';

class ThreadConnection implements DatabaseConnection {
  private readonly client: SqliteClient;
  constructor(client: SqliteClient) {
    this.client = client;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.client.execute(query.sql, query.parameters);
    return { rows: rows as R[], numAffectedRows: BigInt(changes) };
  }

  // oxlint-disable-next-line require-yield -- the interface demands a generator; long lists are read page by page instead
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new FleetError('DATABASE_FAILED', 'The control database does not stream rows; read it page by page.');
  }
}

/** Kysely hands out the only connection one user at a time, so transactions are serial and nobody reads half of one. */
class ThreadDriver implements Driver {
  private readonly client: SqliteClient;
  private readonly connection: ThreadConnection;
  constructor(client: SqliteClient) {
    this.client = client;
    this.connection = new ThreadConnection(client);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.connection;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.client.close();
  }
}

export const sqliteDialect = (client: SqliteClient): Dialect => ({
  createDriver: () => new ThreadDriver(client),
  createAdapter: () => new SqliteAdapter(),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
});

/** `pool` must be made with `types: postgresTypes`. */
export const postgresDialect = (pool: PostgresPool): Dialect => new PostgresDialect({ pool });

const INT8 = 20;

/** For pg's `types`: 64-bit integers are instants and counters below 2^53 here, so they are read as numbers, not as text. */
export const int8AsNumber = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new FleetError('DATABASE_FAILED', `The control database holds the integer ${text}, which is beyond 2^53-1.`);
};

export const isInt8 = (oid: number): boolean => oid === INT8;
