/** What a scheduler may hold and run at once. */

const MEGABYTE = 1_048_576;
/** Full batches that may wait for each instance. */
const QUEUED_BATCHES = 4;

export interface SchedulerLimits {
  /** Rows of one run of the engine; larger requests are split. 64 by default. */
  readonly maxBatchRows: number;
  /** Input bytes of one run; at most what the engine takes. */
  readonly maxBatchBytes: number;
  /** Input bytes of one request. */
  readonly maxRequestBytes: number;
  /** Rows that may wait; four full batches per instance by default. A larger request waits alone. */
  readonly maxQueuedRows: number;
  readonly maxQueuedBytes: number;
}

export const schedulerLimits = (wanted: Partial<SchedulerLimits>, instances: number): SchedulerLimits => {
  const maxBatchRows = wanted.maxBatchRows ?? 64;
  return {
    maxBatchBytes: 64 * MEGABYTE,
    maxRequestBytes: 64 * MEGABYTE,
    maxQueuedRows: QUEUED_BATCHES * maxBatchRows * Math.max(1, instances),
    maxQueuedBytes: 64 * MEGABYTE,
    ...wanted,
    maxBatchRows,
  };
};
