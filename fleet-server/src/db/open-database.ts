/** Opens the control database on its dialect and brings it to the newest schema. */
import { FleetError } from '../errors.ts';
import { ControlDatabase } from './database.ts';
import { sqliteDialect } from './dialects.ts';
import { migrateToLatest } from './migrate.ts';
import { SqliteClient, type OnThreadDeath } from './sqlite-client.ts';

export interface OpenedDatabase {
  readonly database: ControlDatabase;
  /** Where a corrupt file was set aside, or null. */
  readonly quarantined: string | null;
}

/**
 * A corrupt file is renamed to `….corrupt-{openedAt}` and a fresh one is begun: never silently used, never deleted.
 * @throws FleetError DATABASE_UNAVAILABLE | DATABASE_SCHEMA | DATABASE_FAILED
 */
export const openSqliteDatabase = async (
  file: string,
  openedAt: number,
  onDeath?: OnThreadDeath,
): Promise<OpenedDatabase> => {
  const client = await SqliteClient.open(file, openedAt, onDeath);
  const database = new ControlDatabase({ dialect: sqliteDialect(client) });
  try {
    await migrateToLatest(database);
  } catch (error) {
    await database.destroy();
    throw error;
  }
  return { database, quarantined: client.quarantined };
};

/** What a quarantine is reported as: in the log, the audit trail and the list of what needs attention. */
export const quarantineReport = (file: string, quarantined: string): FleetError =>
  new FleetError(
    'DATABASE_CORRUPT',
    `The control database ${file} was damaged; it was set aside as ${quarantined} and a fresh one was begun. Restore a backup to get registry, twins and audit trail back.`,
  );
