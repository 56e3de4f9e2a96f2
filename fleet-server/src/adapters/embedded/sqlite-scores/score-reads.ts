/** Scores of entities: pointer and block in one read transaction, so that an answer is of one run. */
import type { Statement } from 'better-sqlite3';
import type { BulkScores, EntityScore, PublishedRun, ScoreRow } from '../../../ports/score-store.ts';
import { readableOf, type ReadableRow } from './run-rows.ts';
import { findInBlock } from './score-block.ts';
import type { Sqlite } from './scores-file.ts';

export interface BlockRow {
  readonly first: string;
  readonly block_rows: number;
  readonly data: Buffer;
}

export class ScoreReads {
  readonly #db: Sqlite;
  readonly #pointer: Statement<[string], number>;
  readonly #readable: Statement<[number], ReadableRow>;
  readonly #kept: Statement<[string], ReadableRow>;
  readonly #block: Statement<[number, string], BlockRow>;
  /** By job: what is said of a run that was published never changes. */
  readonly #known = new Map<string, PublishedRun>();

  constructor(db: Sqlite) {
    this.#db = db;
    this.#pointer = db.prepare<[string], number>('SELECT run_no FROM published WHERE job = ?').pluck() as Statement<
      [string],
      number
    >;
    this.#readable = db.prepare('SELECT * FROM runs WHERE run_no = ?');
    this.#kept = db.prepare(
      `SELECT * FROM runs WHERE job = ? AND has_rows = 1 AND state = 'published' ORDER BY as_of DESC, run_no DESC`,
    );
    this.#block = db.prepare(
      'SELECT first, block_rows, data FROM blocks WHERE run_no = ? AND first <= ? ORDER BY first DESC LIMIT 1',
    );
  }

  published(job: string): PublishedRun | undefined {
    const runNo = this.#pointer.get(job);
    if (runNo === undefined) return undefined;
    const known = this.#known.get(job);
    if (known?.runNo === runNo) return known;
    const run = readableOf(this.#readable.get(runNo) as ReadableRow);
    this.#known.set(job, run);
    return run;
  }

  score(job: string, entity: string): EntityScore | undefined {
    return this.#atOneMoment(() => {
      const run = this.published(job);
      return run === undefined ? undefined : { run, scores: this.#find(run, entity) };
    });
  }

  scores(job: string, entities: readonly string[]): BulkScores | null {
    return this.#atOneMoment(() => {
      const run = this.published(job);
      return run === undefined ? null : { run, scores: entities.map((entity) => this.#find(run, entity) ?? null) };
    });
  }

  /** Newest as-of first. */
  history(job: string, entity: string): EntityScore[] {
    return this.#atOneMoment(() =>
      this.#kept.all(job).flatMap((row) => {
        const run = readableOf(row);
        const scores = this.#find(run, entity);
        return scores === undefined ? [] : [{ run, scores }];
      }),
    );
  }

  #find({ runNo, columns }: PublishedRun, entity: string): ScoreRow | undefined {
    const block = this.#block.get(runNo, entity);
    return block === undefined ? undefined : findInBlock(block.data, block.block_rows, columns, entity);
  }

  #atOneMoment<T>(read: () => T): T {
    return this.#db.transaction(read).deferred();
  }
}
