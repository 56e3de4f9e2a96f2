/** Commands to devices with their outcomes; an idempotency key holds once per device. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('device_commands')
    .ifNotExists()
    .addColumn('command_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('device_id', 'text', (column) => column.notNull().references('devices.device_id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('parameters', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('sent_at', 'bigint')
    .addColumn('acknowledged_at', 'bigint')
    .addColumn('finished_at', 'bigint')
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .addColumn('idempotency_key', 'text')
    .addColumn('request_hash', 'text')
    .addUniqueConstraint('device_commands_idempotency', ['device_id', 'idempotency_key'])
    .execute();
  await db.schema
    .createIndex('device_commands_by_device')
    .ifNotExists()
    .on('device_commands')
    .columns(['device_id', 'created_at', 'command_id'])
    .execute();
  await db.schema
    .createIndex('device_commands_by_state')
    .ifNotExists()
    .on('device_commands')
    .columns(['state', 'expires_at'])
    .execute();
};
