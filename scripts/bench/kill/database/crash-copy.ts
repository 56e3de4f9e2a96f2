/** Copies what a killed program left, so that looking at it does not repair it for the program. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenRecords, StoredRecords } from './stored-records.ts';

/** Databases and their logs; the index of a log (`-shm`) is made anew from it. */
const isKept = (name: string): boolean => /\.db(?:-wal|-journal)?$/.test(name);

/** Opens a copy of the databases in `dataDir`, hands it to `look`, and removes it. */
export const withCrashCopy = <T>(dataDir: string, look: (folder: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-crash-'));
  try {
    for (const name of readdirSync(dataDir).filter(isKept)) copyFileSync(join(dataDir, name), join(folder, name));
    return look(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Throws when SQLite cannot read what was left. */
export const inspectCrash = <T>(dataDir: string, open: OpenRecords, look: (stored: StoredRecords) => T): T =>
  withCrashCopy(dataDir, (folder) => {
    const stored = open(folder);
    if (stored === undefined) throw new Error(`There is no database in ${dataDir}.`);
    try {
      return look(stored);
    } finally {
      stored.close();
    }
  });
