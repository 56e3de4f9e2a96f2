/** Which run an incremental one carries scores over from. */
import type { StoredRun } from '../ports/score-store.ts';

/**
 * Number of the published run, whose scores still hold where a vector is the same: of the same model, the same columns and the same
 * view. Null: everything is scored.
 */
export const carriedFrom = (
  run: Pick<StoredRun, 'definition' | 'model' | 'columns' | 'input'>,
  published: Pick<StoredRun, 'runNo' | 'model' | 'columns' | 'input' | 'hasScores'> | undefined,
): number | null => {
  if (run.definition.mode !== 'incremental' || published === undefined || !published.hasScores) return null;
  const isSameModel = published.model.digest === run.model.digest;
  const areSameColumns = JSON.stringify(published.columns) === JSON.stringify(run.columns);
  // Of a view the input is its hash; that of a list or a file says who is scored, which changes nothing for those who stay.
  const isSameView = run.definition.entities.kind !== 'view' || published.input === run.input;
  return isSameModel && areSameColumns && isSameView ? published.runNo : null;
};
