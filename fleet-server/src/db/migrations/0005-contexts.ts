/** What the fleet knows beside the records: one JSON document for the fleet and one per device. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('contexts')
    .ifNotExists()
    .addColumn('scope', 'text', (column) => column.primaryKey().notNull())
    .addColumn('device_id', 'text', (column) => column.references('devices.device_id').onDelete('cascade'))
    .addColumn('document', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
};
