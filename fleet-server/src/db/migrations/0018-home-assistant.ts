/** Home Assistant: what it was told of each device, also of those that are withdrawn. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('home_assistant_devices')
    .ifNotExists()
    .addColumn('device_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('shown_values', 'text', (column) => column.notNull())
    .addColumn('config', 'text', (column) => column.notNull())
    .addColumn('withdrawn_at', 'bigint')
    .execute();
};
