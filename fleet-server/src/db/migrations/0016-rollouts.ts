/** Rollouts with their devices and timeline, and what the director assigned to each device last. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('rollouts')
    .ifNotExists()
    .addColumn('rollout_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('ordinal', 'bigint', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .addColumn('creation_request', 'text')
    .execute();
  await db.schema.createIndex('rollouts_by_number').ifNotExists().on('rollouts').columns(['number']).execute();
  await db.schema
    .createIndex('rollouts_by_request')
    .ifNotExists()
    .on('rollouts')
    .columns(['creation_request'])
    .execute();
  await db.schema
    .createTable('rollout_devices')
    .ifNotExists()
    .addColumn('rollout_id', 'text', (column) => column.notNull().references('rollouts.rollout_id').onDelete('cascade'))
    .addColumn('device_id', 'text', (column) => column.notNull())
    .addColumn('stage', 'integer', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('rollout_devices_key', ['rollout_id', 'device_id'])
    .execute();
  await db.schema
    .createTable('rollout_events')
    .ifNotExists()
    .addColumn('rollout_id', 'text', (column) => column.notNull().references('rollouts.rollout_id').onDelete('cascade'))
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('principal', 'text', (column) => column.notNull())
    .addColumn('entry', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('rollout_events_key', ['rollout_id', 'number'])
    .execute();
  // Outlives the device: one that is registered again still refuses a counter that it has seen.
  await db.schema
    .createTable('director_assignments')
    .ifNotExists()
    .addColumn('device_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('counter', 'bigint', (column) => column.notNull())
    .addColumn('models', 'text', (column) => column.notNull())
    .addColumn('floors', 'text', (column) => column.notNull())
    .execute();
};
