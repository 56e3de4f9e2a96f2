/** The data directory of one server: made when missing, and held so that no second server writes the same files. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { FleetError } from '../../errors.ts';

const LOCK_FILE = 'server.lock';
/** A predecessor that was killed a moment ago may still be leaving. */
const PATIENCE_MS = 1_000;

export class DataFolder {
  readonly #lock: Database.Database;

  private constructor(lock: Database.Database) {
    this.#lock = lock;
  }

  /**
   * The lock is an empty SQLite file under an exclusive transaction: the system lets go of it whenever the process
   * ends, however it ends, so a killed server leaves nothing to clear away.
   * @throws FleetError DATA_DIR_UNUSABLE | DATA_DIR_IN_USE
   */
  static take(folder: string): DataFolder {
    try {
      makeFolder(folder);
      return new DataFolder(lockedFile(join(folder, LOCK_FILE)));
    } catch (cause) {
      if (isBusy(cause)) {
        const remedy = 'stop it, or choose another folder with --data-dir';
        throw new FleetError('DATA_DIR_IN_USE', `Another server runs on the data directory ${folder}; ${remedy}.`, {
          cause,
        });
      }
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new FleetError('DATA_DIR_UNUSABLE', `The data directory ${folder} cannot be used (${why}).`, { cause });
    }
  }

  release(): void {
    this.#lock.close();
  }
}

/** Step by step: `mkdirSync` with `recursive` never returns on file systems that refuse folders with ENOENT, as /proc does. */
const makeFolder = (folder: string): void => {
  const known = statSync(folder, { throwIfNoEntry: false });
  if (known?.isDirectory() === true) return;
  if (known === undefined) makeFolder(dirname(folder));
  mkdirSync(folder);
};

const lockedFile = (file: string): Database.Database => {
  const db = new Database(file, { timeout: PATIENCE_MS });
  try {
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

const isBusy = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'SQLITE_BUSY';
