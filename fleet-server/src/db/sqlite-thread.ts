/** The worker thread that owns one SQLite file: the event loop sends statements and never waits for the disk. */
import { existsSync, renameSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

export interface SqliteThreadData {
  readonly file: string;
  /** Distinguishes quarantined copies; null: a corrupt file is a fault and stays where it is. */
  readonly openedAt: number | null;
}

export type SqliteThreadRequest =
  | { readonly id: number; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly id: number; readonly close: true };

export type SqliteThreadAnswer =
  | { readonly id: number; readonly rows: readonly unknown[]; readonly changes: number }
  | { readonly id: number; readonly fault: SqliteFault };

export interface SqliteFault {
  /** SQLite's own code, for example `SQLITE_FULL`. */
  readonly code: string;
  readonly message: string;
}

/** The first message of the thread. */
export type SqliteThreadGreeting =
  | { readonly opened: true; readonly quarantined: string | null }
  | { readonly opened: false; readonly fault: SqliteFault };

const STATEMENTS_KEPT = 256;
const SUFFIXES = ['', '-wal', '-shm'] as const;
const data = workerData as SqliteThreadData;
const port = parentPort;

const asFault = (error: unknown): SqliteFault => ({
  code: error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN',
  message: error instanceof Error ? error.message : String(error),
});

const isCorruption = (error: unknown): boolean => {
  const { code } = asFault(error);
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
};

/** A reopened WAL file is `synchronous=NORMAL` in this build, so FULL is set on every open. */
const open = (): Database.Database => {
  const db = new Database(data.file, { timeout: 5_000 });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    const verdict = db.pragma('quick_check(1)', { simple: true });
    if (verdict === 'ok') return db;
    throw Object.assign(new Error(`quick_check says: ${String(verdict)}`), { code: 'SQLITE_CORRUPT' });
  } catch (error) {
    db.close();
    throw error;
  }
};

const setAside = (): string => {
  const target = `${data.file}.corrupt-${data.openedAt}`;
  for (const suffix of SUFFIXES) {
    if (existsSync(data.file + suffix)) renameSync(data.file + suffix, target + suffix);
  }
  return target;
};

const openOrQuarantine = (): { readonly db: Database.Database; readonly quarantined: string | null } => {
  try {
    return { db: open(), quarantined: null };
  } catch (error) {
    if (data.openedAt === null || !isCorruption(error)) throw error;
    const quarantined = setAside();
    return { db: open(), quarantined };
  }
};

const serve = (db: Database.Database): void => {
  const statements = new Map<string, Database.Statement>();
  const prepare = (sql: string): Database.Statement => {
    const known = statements.get(sql);
    if (known) return known;
    if (statements.size >= STATEMENTS_KEPT) statements.clear();
    const statement = db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const run = (sql: string, parameters: readonly unknown[]): { rows: readonly unknown[]; changes: number } => {
    // A failed COMMIT (disk full) has already rolled back; rolling back again must not hide that.
    if (sql === 'rollback' && !db.inTransaction) return { rows: [], changes: 0 };
    const statement = prepare(sql);
    if (statement.reader) return { rows: statement.all(parameters), changes: 0 };
    return { rows: [], changes: statement.run(parameters).changes };
  };
  port?.on('message', (request: SqliteThreadRequest) => {
    if ('close' in request) {
      db.close();
      port.postMessage({ id: request.id, rows: [], changes: 0 } satisfies SqliteThreadAnswer);
      port.close();
      return;
    }
    try {
      port.postMessage({ id: request.id, ...run(request.sql, request.parameters) } satisfies SqliteThreadAnswer);
    } catch (error) {
      port.postMessage({ id: request.id, fault: asFault(error) } satisfies SqliteThreadAnswer);
    }
  });
};

try {
  const { db, quarantined } = openOrQuarantine();
  serve(db);
  port?.postMessage({ opened: true, quarantined } satisfies SqliteThreadGreeting);
} catch (error) {
  port?.postMessage({ opened: false, fault: asFault(error) } satisfies SqliteThreadGreeting);
}
