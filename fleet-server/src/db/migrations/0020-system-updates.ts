/** System updates: images, targets, actions with what was reported of them, and the numbers that are never given twice. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('system_numbers')
    .ifNotExists()
    .addColumn('kind', 'text', (column) => column.primaryKey().notNull())
    .addColumn('last', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('system_images')
    .ifNotExists()
    .addColumn('image_number', 'bigint', (column) => column.primaryKey().notNull())
    .addColumn('image', 'text', (column) => column.notNull().unique())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('file_name', 'text', (column) => column.notNull())
    .addColumn('length_bytes', 'bigint', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('sha1', 'text', (column) => column.notNull())
    .addColumn('md5', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('system_targets')
    .ifNotExists()
    .addColumn('target_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('registered_at', 'bigint', (column) => column.notNull())
    .addColumn('last_polled_at', 'bigint')
    .addColumn('address', 'text')
    .addColumn('attributes', 'text', (column) => column.notNull())
    .addColumn('asks_attributes', 'integer', (column) => column.notNull())
    .addColumn('installed_action', 'bigint')
    .addColumn('installed_image', 'text')
    .addColumn('newest_action', 'bigint')
    .addColumn('token_hash', 'text')
    .execute();
  await db.schema
    .createTable('system_actions')
    .ifNotExists()
    .addColumn('action_id', 'bigint', (column) => column.primaryKey().notNull())
    .addColumn('target_id', 'text', (column) => column.notNull())
    .addColumn('image', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('progress_done', 'bigint')
    .addColumn('progress_of', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('heard_at', 'bigint')
    .addColumn('quiet_since', 'bigint')
    .addColumn('finished_at', 'bigint')
    .addColumn('events', 'bigint', (column) => column.notNull())
    .addColumn('creation_request', 'text')
    .execute();
  await db.schema
    .createTable('system_action_events')
    .ifNotExists()
    .addColumn('action_id', 'bigint', (column) => column.notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('what', 'text', (column) => column.notNull())
    .addColumn('messages', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('system_action_events_key', ['action_id', 'number'])
    .execute();
  for (const [name, ...columns] of [
    ['system_actions_by_target', 'target_id', 'action_id'],
    ['system_actions_by_image', 'image', 'action_id'],
    ['system_actions_by_request', 'creation_request'],
  ] as const)
    await db.schema.createIndex(name).ifNotExists().on('system_actions').columns(columns).execute();
};
