/** The device registry; when a device was last seen stands apart, because it is written far more often. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('devices')
    .ifNotExists()
    .addColumn('device_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('labels', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('registered_at', 'bigint', (column) => column.notNull())
    .addColumn('first_seen_at', 'bigint')
    .addColumn('birth', 'text')
    .addColumn('creation_request', 'text')
    .execute();
  await db.schema
    .createTable('device_last_seen')
    .ifNotExists()
    .addColumn('device_id', 'text', (column) =>
      column.primaryKey().notNull().references('devices.device_id').onDelete('cascade'),
    )
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .execute();
};
