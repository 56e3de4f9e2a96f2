/** Reads what the planted server stored. */
import { join } from 'node:path';
import type { OpenRecords } from '../database/stored-records.ts';
import { integrityFaults, openForCheck } from '../database/open-for-check.ts';

export const openPlantedRecords: OpenRecords = (folder) => {
  const db = openForCheck(join(folder, 'planted.db'));
  if (db === undefined) return undefined;
  const hasTable = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'records'").get() !== undefined;
  const count = hasTable
    ? db.prepare('SELECT count(*) FROM records WHERE device = ? AND epoch = ? AND sequence = ?').pluck()
    : undefined;
  return {
    faults: () => integrityFaults(db),
    rows: () => (hasTable ? (db.prepare('SELECT count(*) FROM records').pluck().get() as number) : 0),
    copiesOf: (...key) => (count?.get(...key) as number | undefined) ?? 0,
    close: () => db.close(),
  };
};
