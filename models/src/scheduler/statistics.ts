/**
 * Counts and durations of one model with the meanings of Triton's statistics extension: `inferenceCount` is rows, `executionCount` is
 * batches, durations are sums over requests in nanoseconds, and a request of a batch counts the whole time of the batch.
 */
import type { ModelErrorCode } from '../errors.ts';

/** As in Triton's nv_inference_request_failure: refused or dropped before it ran; withdrawn; failed in the engine; anything else. */
export type FailureReason = 'REJECTED' | 'CANCELED' | 'BACKEND' | 'OTHER';

const REASONS: Partial<Readonly<Record<ModelErrorCode, FailureReason>>> = {
  QUEUE_FULL: 'REJECTED',
  DEADLINE_UNMEETABLE: 'REJECTED',
  INFERENCE_CANCELED: 'CANCELED',
  MODEL_RUN_FAILED: 'BACKEND',
  INPUT_BREAKS_MODEL: 'BACKEND',
  MODEL_QUARANTINED: 'BACKEND',
  OUTPUT_NOT_FINITE: 'BACKEND',
  OUTPUT_MISMATCH: 'BACKEND',
  ENGINE_TIMEOUT: 'BACKEND',
  ENGINE_CRASHED: 'BACKEND',
  ENGINE_OUT_OF_MEMORY: 'BACKEND',
  ENGINE_UNAVAILABLE: 'BACKEND',
  ENGINE_BUSY: 'BACKEND',
  ENGINE_CLOSED: 'BACKEND',
  ENGINE_PROTOCOL_INVALID: 'BACKEND',
};

export const failureReason = (code: ModelErrorCode): FailureReason => REASONS[code] ?? 'OTHER';

/** What became of one request. Milliseconds; the compute times are 0 for what never ran. */
export interface RequestRecord {
  readonly rows: number;
  /** Null for an answer. */
  readonly failure: { readonly reason: FailureReason; readonly code: ModelErrorCode } | null;
  readonly totalMs: number;
  readonly queueMs: number;
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
}

/** One successful run of the engine. */
export interface BatchRecord {
  readonly rows: number;
  readonly requests: number;
  /** Inside the runtime, without transport. */
  readonly elapsedMs: number;
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
}

/** Told of everything as it happens, e.g. to feed histograms. Must not throw. */
export interface SchedulerObserver {
  onRequest?(record: RequestRecord): void;
  onBatch?(record: BatchRecord): void;
}

export interface DurationTotal {
  readonly count: number;
  readonly ns: number;
}

export interface BatchStatistics {
  /** Rows. */
  readonly batchSize: number;
  readonly computeInput: DurationTotal;
  readonly computeInfer: DurationTotal;
  readonly computeOutput: DurationTotal;
}

export interface ModelStatistics {
  /** Milliseconds since the epoch; 0 before the first. */
  readonly lastInferenceAt: number;
  readonly inferenceCount: number;
  readonly executionCount: number;
  readonly success: DurationTotal;
  readonly fail: DurationTotal;
  readonly failures: Readonly<Record<FailureReason, number>>;
  readonly queue: DurationTotal;
  readonly computeInput: DurationTotal;
  readonly computeInfer: DurationTotal;
  readonly computeOutput: DurationTotal;
  /** By rows, ascending. */
  readonly batches: readonly BatchStatistics[];
}

const NS_PER_MS = 1e6;

class Total {
  count = 0;
  ns = 0;

  add(ms: number): void {
    this.count += 1;
    this.ns += Math.round(ms * NS_PER_MS);
  }

  read(): DurationTotal {
    return { count: this.count, ns: this.ns };
  }
}

const totals = () => ({ input: new Total(), infer: new Total(), output: new Total() });
type ComputeTotals = ReturnType<typeof totals>;

const addTo = ({ input, infer, output }: ComputeTotals, record: RequestRecord | BatchRecord): void => {
  input.add(record.inputMs);
  infer.add(record.inferMs);
  output.add(record.outputMs);
};

const readCompute = ({ input, infer, output }: ComputeTotals) => ({
  computeInput: input.read(),
  computeInfer: infer.read(),
  computeOutput: output.read(),
});

export class StatisticsCounter implements Required<SchedulerObserver> {
  readonly #success = new Total();
  readonly #fail = new Total();
  readonly #queue = new Total();
  readonly #compute = totals();
  readonly #batches = new Map<number, ComputeTotals>();
  readonly #failures: Record<FailureReason, number> = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  readonly #now: () => number;
  #lastInferenceAt = 0;
  #inferenceCount = 0;
  #executionCount = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  onRequest(record: RequestRecord): void {
    if (record.failure !== null) {
      this.#fail.add(record.totalMs);
      this.#failures[record.failure.reason] += 1;
      return;
    }
    this.#success.add(record.totalMs);
    this.#queue.add(record.queueMs);
    this.#inferenceCount += record.rows;
    addTo(this.#compute, record);
  }

  onBatch(record: BatchRecord): void {
    this.#executionCount += 1;
    this.#lastInferenceAt = this.#now();
    const size = this.#batches.get(record.rows) ?? totals();
    this.#batches.set(record.rows, size);
    addTo(size, record);
  }

  read(): ModelStatistics {
    return {
      lastInferenceAt: this.#lastInferenceAt,
      inferenceCount: this.#inferenceCount,
      executionCount: this.#executionCount,
      success: this.#success.read(),
      fail: this.#fail.read(),
      failures: { ...this.#failures },
      queue: this.#queue.read(),
      ...readCompute(this.#compute),
      batches: [...this.#batches]
        .toSorted(([one], [other]) => one - other)
        .map(([batchSize, compute]) => ({ batchSize, ...readCompute(compute) })),
    };
  }
}
