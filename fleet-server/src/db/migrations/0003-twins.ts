/** Device twins: one row per device, desired and reported whole. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('twins')
    .ifNotExists()
    .addColumn('device_id', 'text', (column) =>
      column.primaryKey().notNull().references('devices.device_id').onDelete('cascade'),
    )
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('desired', 'text', (column) => column.notNull())
    .addColumn('reported', 'text', (column) => column.notNull())
    .addColumn('reported_at', 'bigint')
    .addColumn('applied_version', 'integer', (column) => column.notNull())
    .addColumn('facts', 'text', (column) => column.notNull())
    .execute();
};
