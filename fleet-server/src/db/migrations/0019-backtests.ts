/** Backtests: what was asked, what came of it, and by which releases a rollout finds the last one. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('backtests')
    .ifNotExists()
    .addColumn('backtest_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('candidate_digest', 'text', (column) => column.notNull())
    .addColumn('champion_digest', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .addColumn('incidents', 'text')
    .addColumn('plots', 'text')
    .addColumn('creation_request', 'text')
    .execute();
  await db.schema.createIndex('backtests_by_number').ifNotExists().on('backtests').columns(['number']).execute();
  await db.schema
    .createIndex('backtests_by_releases')
    .ifNotExists()
    .on('backtests')
    .columns(['candidate_digest', 'champion_digest', 'number'])
    .execute();
  await db.schema
    .createIndex('backtests_by_request')
    .ifNotExists()
    .on('backtests')
    .columns(['creation_request'])
    .execute();
};
