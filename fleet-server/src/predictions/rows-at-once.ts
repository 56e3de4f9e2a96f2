/** How many rows of a model may be with its engines at a time without standing in the way of those who wait: pure. */

export interface ModelPace {
  /** Milliseconds one row takes alone, as measured; undefined before the model was started. */
  readonly singleRowMs: number | undefined;
  /** Rows that may wait for the model. */
  readonly maxQueuedRows: number;
  /** By configuration. */
  readonly most: number;
}

/** A caller of /v2 who comes while a batch of these runs waits for about as long. */
const BUDGET_MS = 50;
/** A line that is fuller sheds those who ask; see `ShedHint`. */
const LINE_SHARE = 0.5;

export const rowsAtOnce = ({ singleRowMs, maxQueuedRows, most }: ModelPace): number => {
  const inTime = singleRowMs === undefined || singleRowMs <= 0 ? most : Math.floor(BUDGET_MS / singleRowMs);
  return Math.max(1, Math.min(most, Math.floor(maxQueuedRows * LINE_SHARE), inTime));
};
