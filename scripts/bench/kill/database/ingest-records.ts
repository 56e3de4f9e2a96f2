/** Reads the server's telemetry file as it lies on disk, past the server: every copy of every record, and the log. */
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { integrityFaults, openForCheck } from './open-for-check.ts';
import type { OpenRecords, StoredRecords } from './stored-records.ts';

const hasTable = (db: Database.Database, name: string): boolean =>
  db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined;

/** A raw table per receipt day; sorted, so the older day comes first. */
export const rawTables = (db: Database.Database): string[] =>
  db
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'raw_[0-9]*' ORDER BY name")
    .pluck()
    .all();

/** Copies by `epochNo/sequence`; nothing but the key of a raw table keeps a record from being there twice. */
const countCopies = (db: Database.Database, fromSequence: number): Map<string, number> => {
  const copies = new Map<string, number>();
  for (const table of rawTables(db)) {
    const rows = db
      .prepare<[number], [number, number]>(`SELECT epoch_no, sequence FROM ${table} WHERE sequence >= ?`)
      .raw()
      .iterate(fromSequence);
    for (const [epochNo, sequence] of rows) {
      const key = `${epochNo}/${sequence}`;
      copies.set(key, (copies.get(key) ?? 0) + 1);
    }
  }
  return copies;
};

const epochNumbers = (db: Database.Database): Map<string, number> => {
  if (!hasTable(db, 'epochs')) return new Map();
  const rows = db
    .prepare<[], [string, string, number]>(
      'SELECT device_id, epoch, epoch_no FROM epochs JOIN devices USING (device_no)',
    )
    .raw()
    .all();
  return new Map(rows.map(([deviceId, epoch, epochNo]) => [`${deviceId}/${epoch}`, epochNo]));
};

/** Rows below `fromSequence` are left out, which saves time when only new ones are asked for. */
export const openIngestRecordsFrom =
  (fromSequence: number): OpenRecords =>
  (folder) => {
    const db = openForCheck(join(folder, 'ingest.db'));
    return db === undefined ? undefined : ingestRecords(db, folder, fromSequence);
  };

export const openIngestRecords: OpenRecords = openIngestRecordsFrom(0);

const ingestRecords = (db: Database.Database, folder: string, fromSequence: number): StoredRecords => {
  const epochs = epochNumbers(db);
  const copies = countCopies(db, fromSequence);
  return {
    faults: () => [...integrityFaults(db), ...controlFaults(folder)],
    rows: () => [...copies.values()].reduce((sum, count) => sum + count, 0),
    copiesOf: (deviceId, epoch, sequence) => copies.get(`${epochs.get(`${deviceId}/${epoch}`)}/${sequence}`) ?? 0,
    close: () => db.close(),
  };
};

/** The database of devices, twins and commands lies beside it and has to survive as well. */
const controlFaults = (folder: string): readonly string[] => {
  const control = openForCheck(join(folder, 'control.db'));
  if (control === undefined) return [];
  try {
    return integrityFaults(control).map((fault) => `control.db: ${fault}`);
  } finally {
    control.close();
  }
};
