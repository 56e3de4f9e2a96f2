/** What a killed server left of its queue, read from a copy. */
import { join } from 'node:path';
import { withCrashCopy } from '../kill/database/crash-copy.ts';
import { integrityFaults, openForCheck } from '../kill/database/open-for-check.ts';

export interface LeftQueue {
  /** Attempts of runs that were given to a model and have no answer, by run number. */
  readonly begun: ReadonlyMap<number, number>;
  readonly openTickets: number;
  /** Sentences about damage. */
  readonly faults: readonly string[];
}

const BEGUN = 'SELECT run_no AS runNo, attempts FROM runs WHERE finished_at IS NULL AND attempts > 0';

export const readLeftQueue = (dataDir: string): LeftQueue =>
  withCrashCopy(dataDir, (folder) => {
    const db = openForCheck(join(folder, 'predictions.db'));
    if (db === undefined) return { begun: new Map(), openTickets: 0, faults: ['there is no queue'] };
    try {
      const rows = db.prepare<[], { runNo: number; attempts: number }>(BEGUN).all();
      const open = db.prepare<[], number>('SELECT count(*) FROM tickets WHERE state = 0').pluck().get();
      return {
        begun: new Map(rows.map(({ runNo, attempts }) => [runNo, attempts])),
        openTickets: Number(open),
        faults: integrityFaults(db),
      };
    } finally {
      db.close();
    }
  });

export interface FinalQueue {
  readonly tickets: number;
  readonly open: number;
  readonly runs: number;
  /** By run number. */
  readonly attempts: ReadonlyMap<number, number>;
  /** Tickets to which more than one answer was committed, by the log of answers. */
  readonly committedTwice: number;
  readonly answers: number;
  readonly faults: readonly string[];
}

export const readFinalQueue = (dataDir: string): FinalQueue =>
  withCrashCopy(dataDir, (folder) => {
    const db = openForCheck(join(folder, 'predictions.db'));
    if (db === undefined) throw new Error(`There is no queue in ${dataDir}.`);
    const count = (sql: string): number => Number(db.prepare<[], number>(sql).pluck().get());
    try {
      const rows = db.prepare<[], [number, number]>('SELECT run_no, attempts FROM runs').raw().all();
      return {
        tickets: count('SELECT count(*) FROM tickets'),
        open: count('SELECT count(*) FROM tickets WHERE state = 0'),
        runs: rows.length,
        attempts: new Map(rows),
        committedTwice: count(
          'SELECT count(*) FROM (SELECT ticket_no FROM answers GROUP BY ticket_no HAVING count(*) > 1)',
        ),
        answers: count('SELECT count(*) FROM answers'),
        faults: integrityFaults(db),
      };
    } finally {
      db.close();
    }
  });
