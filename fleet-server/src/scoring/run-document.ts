/** A run and a score as the API shows them. */
import type { ScoreRecord, ScoringBackfill, ScoringRun } from '@shoal/protocol';
import type { StoredBackfill } from '../ports/backfills.ts';
import type { EntityScore, PublishedRun, ScoreRow, StoredRun } from '../ports/score-store.ts';

const OPEN: ReadonlySet<string> = new Set(['queued', 'running', 'validating', 'paused']);

/** Nothing happens to it by itself any more. */
export const isFinal = ({ state }: Pick<StoredRun, 'state'>): boolean => !OPEN.has(state);

/** What only the store needs is left out by the schema of the answer. */
export const runDocument = ({ runId, ...run }: StoredRun): ScoringRun => ({
  ...run,
  id: runId,
  mode: run.definition.mode,
});

export const backfillDocument = ({ backfillId, ...backfill }: StoredBackfill): ScoringBackfill => ({
  ...backfill,
  id: backfillId,
});

const named = ({ columns }: PublishedRun, scores: ScoreRow): ScoreRecord['scores'] =>
  Object.fromEntries(columns.map(({ name }, index) => [name, scores[index] ?? null]));

/** Undefined: the run has no score of the entity. */
export const scoreRecord = (job: string, entity: string, { run, scores }: EntityScore): ScoreRecord | undefined => {
  if (scores === undefined) return undefined;
  const { runId, asOf, model, publishedAt } = run;
  return { job, entity, scores: named(run, scores), runId, asOf, model, publishedAt };
};

export const runTag = (runId: string): string => `"${runId}"`;

/** RFC 9110 13.1.2: compared weakly. */
export const isUnchanged = (ifNoneMatch: string | undefined, runId: string): boolean =>
  (ifNoneMatch ?? '').split(',').some((tag) => {
    const wanted = tag.trim();
    return wanted === '*' || wanted === runTag(runId) || wanted === `W/${runTag(runId)}`;
  });
