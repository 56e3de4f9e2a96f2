/** The hash-chained audit trail and the head of its chain. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('audit_entries')
    .ifNotExists()
    .addColumn('id', 'bigint', (column) => column.primaryKey().notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('principal', 'text', (column) => column.notNull())
    .addColumn('from_address', 'text')
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('before_state', 'text')
    .addColumn('after_state', 'text')
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('audit_entries_by_subject')
    .ifNotExists()
    .on('audit_entries')
    .columns(['subject', 'id'])
    .execute();
  await db.schema
    .createIndex('audit_entries_by_action')
    .ifNotExists()
    .on('audit_entries')
    .columns(['action', 'id'])
    .execute();
  await db.schema
    .createTable('audit_head')
    .ifNotExists()
    .addColumn('id', 'integer', (column) => column.primaryKey().notNull())
    .addColumn('last_id', 'bigint', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute();
};
