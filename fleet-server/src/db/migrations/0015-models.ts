/** The registry of models: releases, aliases, and the TUF repository that vouches for them, in one file and one transaction. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('model_releases')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('release_counter', 'bigint', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('length_bytes', 'bigint', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('manifest', 'text', (column) => column.notNull())
    .addColumn('card', 'text')
    .addColumn('signed_by', 'text')
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('model_releases_key', ['name', 'version'])
    .addUniqueConstraint('model_releases_counter', ['name', 'release_counter'])
    .execute();
  await db.schema
    .createTable('model_aliases')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('alias', 'text', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('model_aliases_key', ['name', 'alias'])
    .execute();
  await db.schema
    .createTable('tuf_files')
    .ifNotExists()
    .addColumn('file', 'text', (column) => column.primaryKey().notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('superseded_at', 'bigint')
    .execute();
  await db.schema
    .createTable('tuf_roles')
    .ifNotExists()
    .addColumn('role', 'text', (column) => column.primaryKey().notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('tuf_targets')
    .ifNotExists()
    .addColumn('path', 'text', (column) => column.primaryKey().notNull())
    .addColumn('bin', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('length_bytes', 'bigint', (column) => column.notNull())
    .addColumn('custom', 'text')
    .execute();
  await db.schema.createIndex('tuf_targets_bin').ifNotExists().on('tuf_targets').column('bin').execute();
};
