/** Opens a copy of a database as its program would after a crash: SQLite recovers it from its log. */
import { existsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';

/** Undefined when the file is missing or empty: nothing was ever stored in it. Only for copies, which recovery may change. */
export const openForCheck = (file: string): Database.Database | undefined => {
  if (!existsSync(file) || (statSync(file).size === 0 && !existsSync(`${file}-wal`))) return undefined;
  const db = new Database(file);
  // A copy needs no durability.
  db.pragma('synchronous = OFF');
  return db;
};

/** Sentences; empty when SQLite says ok. */
export const integrityFaults = (db: Database.Database): readonly string[] =>
  (db.pragma('integrity_check(20)') as { integrity_check: string }[])
    .map((row) => row.integrity_check)
    .filter((sentence) => sentence !== 'ok');
