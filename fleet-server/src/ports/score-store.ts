/**
 * Where scoring runs and their scores live. A chunk of scores and its line of the ledger are one transaction; a run is read only
 * once one pointer says so, and every read is of one run.
 */
import type { Page, QuarantinedRow, ScoringJob, ScoringRun, ScoringState, ScoringSummary } from '@shoal/protocol';
import type {
  BackfillChange,
  BackfillDay,
  BackfillEnd,
  BackfillQuery,
  NewBackfill,
  StoredBackfill,
} from './backfills.ts';
import type { DigestQuery, RunDigest } from './run-digest.ts';
import type { RunEvent } from './scoring-states.ts';

/** One number of each entity. `f32`: kept as the model gave it, in four bytes. */
export interface ScoreColumn {
  readonly name: string;
  readonly type: 'f32' | 'f64';
}

/** What decides the scores: a run of the same four is the same run. */
export interface RunIdentity {
  readonly runId: string;
  readonly job: string;
  readonly model: ScoringRun['model'];
  /** Features as they were known then; milliseconds. */
  readonly asOf: number;
  readonly input: string;
}

export interface NewRun extends RunIdentity {
  /** As it was when the run was submitted. */
  readonly definition: ScoringJob;
  readonly columns: readonly ScoreColumn[];
  /** Of a list that was drawn up at the submission, ascending; null where the runner reads the entities itself. */
  readonly entities: readonly string[] | null;
  /** The day it is of; null: it is due now. */
  readonly backfill: { readonly id: string; readonly dueAt: number } | null;
  readonly createdAt: number;
}

export interface StoredRun extends RunIdentity {
  readonly runNo: number;
  readonly definition: ScoringJob;
  readonly columns: readonly ScoreColumn[];
  /** The run whose rows are carried over; null before the entities are listed, and where all are scored. */
  readonly base: string | null;
  readonly baseNo: number | null;
  /** Of a past day: it waits for all that are due now. */
  readonly backfill: string | null;
  readonly state: ScoringState;
  readonly isPublished: boolean;
  readonly attempts: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly publishedAt: number | null;
  readonly progress: ScoringRun['progress'];
  /** Milliseconds it was worked on. */
  readonly spentMs: number;
  /** Every partition is done, and the scores are still kept. */
  readonly hasScores: boolean;
  /** Times a chunk was begun, and times one was committed: the difference was scored again, or is being scored. */
  readonly chunksBegun: number;
  readonly chunksCommitted: number;
  readonly summary: ScoringSummary | null;
  readonly error: ScoringRun['error'];
}

export interface RunQuery {
  readonly job: string | undefined;
  readonly state: ScoringState | undefined;
  readonly backfill?: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export type RunChange =
  | { readonly kind: 'changed'; readonly run: StoredRun }
  /** The state does not allow it. */
  | { readonly kind: 'refused'; readonly run: StoredRun };

/** What happened to a run, and what there is to note about it. */
export interface RunNote {
  readonly runId: string;
  readonly event: RunEvent;
  readonly now: number;
  readonly summary?: ScoringSummary;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The published run of a job, as readers know it. */
export interface PublishedRun {
  readonly runNo: number;
  readonly runId: string;
  readonly asOf: number;
  readonly model: { readonly name: string; readonly version: string };
  readonly publishedAt: number | null;
  readonly columns: readonly ScoreColumn[];
}

/** In the order of the run's columns; null for no finite number. */
export type ScoreRow = readonly (number | null)[];

export interface EntityScore {
  readonly run: PublishedRun;
  /** Undefined: the run has no score of the entity. */
  readonly scores: ScoreRow | undefined;
}

export interface BulkScores {
  readonly run: PublishedRun;
  readonly scores: readonly (ScoreRow | null)[];
}

/** `move`: the run is read from now on. `advance`: only if its as-of instant is newer than that of the run that is read. */
export type PointerMove = 'move' | 'advance';

export type ExportFormat = 'csv' | 'ndjson' | 'parquet';

export abstract class ScoreStore {
  /** Durable when it resolves. What failed or was canceled is queued again. @throws FleetError SCORE_STORE_UNAVAILABLE, as all others */
  abstract submit(run: NewRun): Promise<StoredRun>;
  abstract find(runId: string): Promise<StoredRun | undefined>;
  /** Newest first. */
  abstract list(query: RunQuery): Promise<Page<StoredRun>>;
  /** The oldest queued run, those of backfills last, running from now on; undefined when there is none. */
  abstract takeUp(now: number): Promise<StoredRun | undefined>;
  /** Anything but `publish`. Undefined: no such run. A chunk under way of a run that does not run any more is not stored. */
  abstract note(note: RunNote): Promise<RunChange | undefined>;
  /** Moves the pointer, and drops scores of runs beyond the job's `keepRuns`. Undefined: no such run. */
  abstract publish(runId: string, now: number, pointer: PointerMove): Promise<RunChange | undefined>;
  /** The run that was published before the one that is now, and is kept. */
  abstract previous(job: string): Promise<StoredRun | undefined>;
  /** The last complete run of a job. */
  abstract lastComplete(job: string): Promise<StoredRun | undefined>;
  /** A part at a time, until nothing of a removed job, or of runs past their retention, is left. @returns whether there is more */
  abstract trim(): Promise<boolean>;
  abstract dropJob(job: string): Promise<void>;
  /** Durable when it resolves. What was canceled or failed goes on, its failed days anew. */
  abstract submitBackfill(backfill: NewBackfill): Promise<StoredBackfill>;
  abstract findBackfill(backfillId: string): Promise<StoredBackfill | undefined>;
  /** Newest first. */
  abstract listBackfills(query: BackfillQuery): Promise<Page<StoredBackfill>>;
  /** Of the oldest backfill without an open run the first day without one; those without such a day are complete from now on. */
  abstract nextBackfillDay(now: number): Promise<BackfillDay | undefined>;
  /** With the run it is at. Undefined: no such backfill. */
  abstract endBackfill(end: BackfillEnd): Promise<BackfillChange | undefined>;
  /** On the caller's thread, in microseconds. Undefined: nothing is published. */
  abstract published(job: string): PublishedRun | undefined;
  /** On the caller's thread: pointer and score in one indexed read. */
  abstract score(job: string, entity: string): EntityScore | undefined;
  /** All of one run. */
  abstract scores(job: string, entities: readonly string[]): Promise<BulkScores | undefined>;
  /** Newest as-of first, over the runs whose scores are kept and were published. */
  abstract history(job: string, entity: string): Promise<readonly EntityScore[]>;
  /** The file piece by piece, as fast as it is taken; a run that is dropped meanwhile ends it with an error. */
  abstract export(run: PublishedRun, format: ExportFormat): AsyncIterable<Uint8Array>;
  /** What of a run readers know, also of one that is not published. Undefined: no scores are kept. */
  abstract readable(job: string, runId: string): Promise<PublishedRun | undefined>;
  /** In the order they were found. */
  abstract quarantine(runId: string, limit: number, cursor: string | undefined): Promise<Page<QuarantinedRow>>;
  /** Looks a run over, beside another one where there is one; without rows of a run whose scores are not kept. */
  abstract digest(query: DigestQuery): Promise<RunDigest>;
}
