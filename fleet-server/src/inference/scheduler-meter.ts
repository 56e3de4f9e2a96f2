/** The statistics of a scheduler as the protocol shows them: one set of numbers for `/stats`, for metrics and for decisions. */
import type { InferenceMeter, InferenceStatistics, InferResult, SchedulerStatistics } from '@shoal/models';

const NONE = { count: 0, ns: 0 } as const;

const NOTHING: InferenceStatistics = {
  last_inference: 0,
  inference_count: 0,
  execution_count: 0,
  inference_stats: {
    success: NONE,
    fail: NONE,
    queue: NONE,
    compute_input: NONE,
    compute_infer: NONE,
    compute_output: NONE,
    cache_hit: NONE,
    cache_miss: NONE,
  },
};

const shown = (statistics: SchedulerStatistics): InferenceStatistics => ({
  last_inference: Math.floor(statistics.lastInferenceAt),
  inference_count: statistics.inferenceCount,
  execution_count: statistics.executionCount,
  inference_stats: {
    success: statistics.success,
    fail: statistics.fail,
    queue: statistics.queue,
    compute_input: statistics.computeInput,
    compute_infer: statistics.computeInfer,
    compute_output: statistics.computeOutput,
    cache_hit: NONE,
    cache_miss: NONE,
  },
  batch_stats: statistics.batches.map(({ batchSize, computeInput, computeInfer, computeOutput }) => ({
    batch_size: batchSize,
    compute_input: computeInput,
    compute_infer: computeInfer,
    compute_output: computeOutput,
  })),
});

export class SchedulerMeter implements InferenceMeter {
  readonly #read: () => SchedulerStatistics | undefined;

  /** `read`: undefined while the model was never started. */
  constructor(read: () => SchedulerStatistics | undefined) {
    this.#read = read;
  }

  /** The scheduler counts for itself. */
  measure<R extends InferResult>(_rows: number, infer: () => Promise<R>): Promise<R> {
    return infer();
  }

  noteCoding(): void {
    // Triton's compute times are those of the scheduler; reading and writing messages is no part of them.
  }

  statistics(): InferenceStatistics {
    const statistics = this.#read();
    return statistics === undefined ? NOTHING : shown(statistics);
  }
}
