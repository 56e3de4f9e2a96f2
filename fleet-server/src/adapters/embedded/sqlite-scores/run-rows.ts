/** Runs as rows, and as the port gives them. */
import type { ScoringJob, ScoringRun, ScoringState, ScoringSummary } from '@shoal/protocol';
import type { PublishedRun, ScoreColumn, StoredRun } from '../../../ports/score-store.ts';
import { PARTITION } from './scores-file.ts';

export interface RunRow {
  readonly run_no: number;
  readonly run_id: string;
  readonly job: string;
  readonly state: ScoringState;
  readonly definition: string;
  readonly model: string;
  readonly as_of: number;
  readonly input: string;
  readonly columns: string;
  readonly attempts: number;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly published_at: number | null;
  readonly expected: number | null;
  readonly spent_ms: number;
  readonly rows_per_s: number;
  readonly has_rows: number;
  readonly summary: string | null;
  readonly error: string | null;
  readonly base_no: number | null;
  readonly backfill: string | null;
  readonly base_id: string | null;
  readonly is_published: number;
  readonly partitions: number;
  readonly partitions_done: number;
  readonly done_rows: number;
  readonly quarantined: number;
  readonly carried: number;
  readonly skipped: number;
  readonly begun: number;
  readonly committed: number;
}

/** `tail`: order and limit. */
export const selectRuns = (conditions: string, tail = ''): string => `
  SELECT r.*, EXISTS (SELECT 1 FROM published x WHERE x.job = r.job AND x.run_no = r.run_no) AS is_published,
    (SELECT b.run_id FROM runs b WHERE b.run_no = r.base_no) AS base_id,
    count(p.part_no) AS partitions, total(p.state = ${PARTITION.done}) AS partitions_done, total(p.done_rows) AS done_rows,
    total(p.carried) AS carried, total(p.quarantined) AS quarantined, total(p.skipped) AS skipped, total(p.begun) AS begun,
    total(p.committed) AS committed
  FROM runs r LEFT JOIN partitions p ON p.run_no = r.run_no WHERE ${conditions} GROUP BY r.run_no ${tail}`;

const progressOf = (row: RunRow): ScoringRun['progress'] => {
  const done = row.done_rows + row.quarantined;
  const expected = row.expected === null ? null : Math.max(done, row.expected - row.skipped);
  const rowsPerS = row.state === 'running' ? row.rows_per_s : 0;
  return {
    expected,
    done,
    scored: row.done_rows - row.carried,
    carried: row.carried,
    quarantined: row.quarantined,
    partitions: row.partitions,
    partitionsDone: row.partitions_done,
    rowsPerS,
    etaS: expected === null || rowsPerS === 0 ? null : (expected - done) / rowsPerS,
  };
};

const parsed = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T));

export const runOf = (row: RunRow): StoredRun => ({
  runNo: row.run_no,
  runId: row.run_id,
  job: row.job,
  state: row.state,
  isPublished: row.is_published === 1,
  definition: JSON.parse(row.definition) as ScoringJob,
  model: JSON.parse(row.model) as StoredRun['model'],
  asOf: row.as_of,
  input: row.input,
  columns: JSON.parse(row.columns) as ScoreColumn[],
  base: row.base_id,
  baseNo: row.base_no,
  backfill: row.backfill,
  attempts: row.attempts,
  createdAt: row.created_at,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  publishedAt: row.published_at,
  progress: progressOf(row),
  spentMs: row.spent_ms,
  hasScores: row.has_rows === 1,
  chunksBegun: row.begun,
  chunksCommitted: row.committed,
  summary: parsed<ScoringSummary>(row.summary),
  error: parsed<NonNullable<ScoringRun['error']>>(row.error),
});

export type ReadableRow = Pick<RunRow, 'run_no' | 'run_id' | 'as_of' | 'model' | 'published_at' | 'columns'>;

export const readableOf = (row: ReadableRow): PublishedRun => {
  const { name, version } = JSON.parse(row.model) as StoredRun['model'];
  return {
    runNo: row.run_no,
    runId: row.run_id,
    asOf: row.as_of,
    model: { name, version },
    publishedAt: row.published_at,
    columns: JSON.parse(row.columns) as ScoreColumn[],
  };
};
