/** What the server itself writes to `scores.db`: each job is one transaction. Chunks are written by who scores them. */
import type {
  BackfillChange,
  BackfillDay,
  BackfillEnd,
  NewBackfill,
  StoredBackfill,
} from '../../../ports/backfills.ts';
import type { NewRun, PointerMove, RunChange, RunNote, StoredRun } from '../../../ports/score-store.ts';
import { BackfillsTable } from './backfills-table.ts';
import { Publications } from './publications.ts';
import { RunsTable } from './runs-table.ts';
import { durably, type Sqlite } from './scores-file.ts';

export class ScoresWriter {
  readonly #db: Sqlite;
  readonly #runs: RunsTable;
  readonly #publications: Publications;
  readonly #backfills: BackfillsTable;

  constructor(db: Sqlite) {
    this.#db = db;
    this.#runs = new RunsTable(db);
    this.#publications = new Publications(db, this.#runs);
    this.#backfills = new BackfillsTable(db, this.#runs);
  }

  submit(run: NewRun): StoredRun {
    return durably(this.#db, () => {
      this.#publications.settle(run.runId);
      const submitted = this.#runs.submit(run);
      this.#backfills.submitted(run);
      return submitted;
    });
  }

  takeUp(now: number): StoredRun | null {
    return this.#whole(() => this.#runs.takeUp(now));
  }

  note(note: RunNote): RunChange | null {
    return durably(this.#db, () => this.#runs.note(note));
  }

  publish(runId: string, now: number, pointer: PointerMove): RunChange | null {
    return durably(this.#db, () => this.#publications.publish(runId, now, pointer));
  }

  trim(): boolean {
    return this.#whole(() => this.#publications.trim());
  }

  dropJob(job: string): null {
    return durably(this.#db, () => {
      this.#backfills.dropJob(job);
      return this.#publications.dropJob(job);
    });
  }

  submitBackfill(backfill: NewBackfill): StoredBackfill {
    return durably(this.#db, () => this.#backfills.submit(backfill));
  }

  nextBackfillDay(now: number): BackfillDay | null {
    return this.#whole(() => this.#backfills.next(now));
  }

  endBackfill(end: BackfillEnd): BackfillChange | null {
    return durably(this.#db, () => this.#backfills.end(end));
  }

  takeBack(): number {
    return this.#whole(() => this.#runs.takeBack(Date.now()));
  }

  #whole<T>(work: () => T): T {
    return this.#db.transaction(work).immediate();
  }
}
