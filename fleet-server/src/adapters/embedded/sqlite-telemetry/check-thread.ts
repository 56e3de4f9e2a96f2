/**
 * The worker thread that checks a large telemetry file beside the running server, table by table; it reads through a
 * connection of its own, ends by itself, and a finding is its only effect.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { checkTable, listTables, openForReading } from './telemetry-file.ts';
import { asFault, type ThreadFault } from './thread-messages.ts';

export type CheckFinding = { readonly ok: true } | { readonly ok: false; readonly fault: ThreadFault };

const check = (file: string): CheckFinding => {
  const db = openForReading(file);
  try {
    for (const table of listTables(db)) {
      // Retention may have dropped the day since.
      if (listTables(db).includes(table)) checkTable(db, table);
    }
    return { ok: true };
  } catch (error) {
    return { ok: false, fault: asFault(error) };
  } finally {
    db.close();
  }
};

parentPort?.postMessage(check((workerData as { file: string }).file));
