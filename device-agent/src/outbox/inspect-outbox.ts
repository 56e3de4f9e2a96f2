/** Looks into the outbox file without changing it. */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { sentenceOf } from '../errors.ts';

const BUSY_MS = 100;

export interface OutboxInspection {
  readonly state: 'none' | 'sound' | 'in-use' | 'damaged';
  /** A sentence, or what SQLite says of the damage. */
  readonly detail: string;
}

export const inspectOutbox = (file: string): OutboxInspection => {
  if (!existsSync(file)) return { state: 'none', detail: 'There is no outbox yet.' };
  try {
    const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    try {
      const verdict = String(db.pragma('quick_check(1)', { simple: true }));
      if (verdict !== 'ok') return { state: 'damaged', detail: verdict };
      const records = db.prepare<[], number>('SELECT count(*) FROM records').pluck().get() ?? 0;
      return { state: 'sound', detail: `The outbox is sound and holds ${records} records.` };
    } finally {
      db.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code.startsWith('SQLITE_BUSY')) return { state: 'in-use', detail: 'The outbox is in use by a running agent.' };
    return { state: 'damaged', detail: sentenceOf(error) };
  }
};
