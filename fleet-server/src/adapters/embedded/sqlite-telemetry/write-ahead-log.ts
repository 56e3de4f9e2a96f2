/** The log of the telemetry file, as its writer sees it: how long it is, and copying it into the file. */
import type { Sqlite } from './telemetry-file.ts';

/** Pages of the log, and how many of them were copied into the file; only when all are does it begin anew. */
export interface LogState {
  readonly pages: number;
  readonly copied: number;
}

type LogRow = readonly [busy: number, pages: number, copied: number];

export class WriteAheadLog {
  readonly #db: Sqlite;
  readonly #read;

  constructor(db: Sqlite) {
    this.#db = db;
    this.#read = db.prepare<[], LogRow>('PRAGMA wal_checkpoint(NOOP)').raw();
  }

  /** Copies nothing; costs a microsecond. */
  state(): LogState {
    const [, pages = 0, copied = 0] = this.#read.get() ?? [];
    return { pages, copied };
  }

  /** Copies as far as readers allow. */
  checkpoint(): void {
    this.#db.pragma('wal_checkpoint(PASSIVE)');
  }
}
