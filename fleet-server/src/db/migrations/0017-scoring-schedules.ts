/** Schedules of scoring jobs: how far each is decided, and what was decided. */
import type { Kysely } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('scoring_schedules')
    .ifNotExists()
    .addColumn('job', 'text', (column) => column.primaryKey().notNull())
    .addColumn('schedule', 'text', (column) => column.notNull())
    .addColumn('decided_until', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('scoring_occurrences')
    .ifNotExists()
    .addColumn('job', 'text', (column) => column.notNull())
    .addColumn('due_at', 'bigint', (column) => column.notNull())
    .addColumn('begins_at', 'bigint', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('run_id', 'text')
    .addColumn('decided_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('scoring_occurrences_key', ['job', 'due_at'])
    .execute();
};
