/** Runs as the writer knows them: submitted, taken up, and what happens to them, by the table of states. */
import type { Statement } from 'better-sqlite3';
import type { ScoringState, ScoringSummary } from '@shoal/protocol';
import type { NewRun, RunChange, RunNote, StoredRun } from '../../../ports/score-store.ts';
import { afterRunEvent, type RunEvent } from '../../../ports/scoring-states.ts';
import { runOf, selectRuns, type RunRow } from './run-rows.ts';
import { PARTITION, type Sqlite } from './scores-file.ts';

interface Moved {
  readonly now: number;
  readonly event: RunEvent;
  readonly summary?: ScoringSummary | undefined;
  readonly error?: RunNote['error'] | undefined;
}

/** These end an attempt: what it noted stands until the next one. */
const ENDS: ReadonlySet<ScoringState> = new Set(['published', 'failed', 'canceled']);

export class RunsTable {
  readonly #db: Sqlite;
  readonly #find: Statement<[string], RunRow>;
  readonly #insert: Statement;
  readonly #input: Statement<[number, string]>;
  readonly #queue: Statement<[number, string, string | null, string]>;
  /** Somebody wants it now. */
  readonly #promote: Statement<[string]>;
  readonly #yielding: Statement<[], string>;
  readonly #next: Statement<[], string>;
  readonly #state: Statement;
  readonly #take: Statement<[number, number]>;
  readonly #freeLeases: Statement<[number]>;

  constructor(db: Sqlite) {
    this.#db = db;
    this.#find = db.prepare(selectRuns('r.run_id = ?'));
    this.#insert = db.prepare(
      `INSERT INTO runs (run_id, job, state, definition, model, as_of, input, columns, created_at, queued_at,
        backfill)
      VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#input = db.prepare('INSERT INTO inputs (run_no, entity) VALUES (?, ?)');
    this.#queue = db.prepare(
      `UPDATE runs SET state = 'queued', queued_at = ?, definition = ?, finished_at = NULL, error = NULL, has_rows = 0,
        backfill = ? WHERE run_id = ?`,
    );
    this.#promote = db.prepare("UPDATE runs SET backfill = NULL WHERE run_id = ? AND state <> 'published'");
    this.#yielding = db
      .prepare<[], string>("SELECT run_id FROM runs WHERE state = 'running' AND backfill IS NOT NULL")
      .pluck() as Statement<[], string>;
    this.#next = db
      .prepare<[], string>(
        "SELECT run_id FROM runs WHERE state = 'queued' ORDER BY backfill IS NOT NULL, queued_at, run_no LIMIT 1",
      )
      .pluck() as Statement<[], string>;
    this.#state = db.prepare(
      `UPDATE runs SET state = :state, finished_at = :finishedAt, summary = coalesce(:summary, summary),
        error = :error, has_rows = coalesce(:hasRows, has_rows) WHERE run_no = :runNo`,
    );
    this.#take = db.prepare(
      'UPDATE runs SET attempts = attempts + 1, started_at = coalesce(started_at, ?), rows_per_s = 0 WHERE run_no = ?',
    );
    this.#freeLeases = db.prepare(
      `UPDATE partitions SET state = ${PARTITION.ready}, lease_until = NULL WHERE run_no = ? AND state = ${PARTITION.leased}`,
    );
  }

  row(runId: string): StoredRun | undefined {
    const row = this.#find.get(runId);
    return row === undefined ? undefined : runOf(row);
  }

  submit(run: NewRun): StoredRun {
    const before = this.row(run.runId);
    if (before === undefined) this.#add(run);
    else if (afterRunEvent(before.state, 'resubmit') !== undefined)
      this.#queue.run(run.createdAt, JSON.stringify(run.definition), run.backfill?.id ?? null, run.runId);
    else if (run.backfill === null) this.#promote.run(run.runId);
    this.#letFirst(this.#known(run.runId), run.createdAt);
    return this.#known(run.runId);
  }

  takeUp(now: number): StoredRun | null {
    const runId = this.#next.get();
    if (runId === undefined) return null;
    const { runNo } = this.#known(runId);
    this.#move(runNo, 'running', { now, event: 'take' });
    this.#take.run(now, runNo);
    this.#freeLeases.run(runNo);
    return this.#known(runId);
  }

  note({ runId, event, now, summary, error }: RunNote): RunChange | null {
    const run = this.row(runId);
    if (run === undefined) return null;
    const state = afterRunEvent(run.state, event);
    if (state === undefined) return { kind: 'refused', run };
    this.#move(run.runNo, state, { now, summary, error, event });
    const after = this.#known(runId);
    this.#letFirst(after, now);
    return { kind: 'changed', run: after };
  }

  /** Runs that a process that is gone had taken up. */
  takeBack(now: number): number {
    const ids = this.#db
      .prepare<[], string>("SELECT run_id FROM runs WHERE state IN ('running', 'validating')")
      .pluck()
      .all() as string[];
    for (const runId of ids) this.note({ runId, event: 'release', now });
    return ids.length;
  }

  /** What runs for a past day is put back behind a run that is due now; its chunk under way is not stored. */
  #letFirst(run: StoredRun, now: number): void {
    if (run.state !== 'queued' || run.backfill !== null) return;
    for (const runId of this.#yielding.all()) this.note({ runId, event: 'release', now });
  }

  #add(run: NewRun): void {
    const { runId, job, definition, model, asOf, input, columns, entities, createdAt, backfill } = run;
    const { lastInsertRowid } = this.#insert.run(
      runId,
      job,
      JSON.stringify(definition),
      JSON.stringify(model),
      asOf,
      input,
      JSON.stringify(columns),
      createdAt,
      createdAt,
      backfill?.id ?? null,
    );
    for (const entity of entities ?? []) this.#input.run(Number(lastInsertRowid), entity);
  }

  #move(runNo: number, state: ScoringState, { now, summary, error, event }: Moved): void {
    this.#state.run({
      runNo,
      state,
      finishedAt: ENDS.has(state) ? now : null,
      summary: summary === undefined ? null : JSON.stringify(summary),
      error: error === undefined ? null : JSON.stringify(error),
      hasRows: event === 'complete' ? 1 : null,
    });
  }

  #known(runId: string): StoredRun {
    return runOf(this.#find.get(runId) as RunRow);
  }
}
