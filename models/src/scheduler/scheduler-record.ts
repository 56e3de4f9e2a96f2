/** Keeps the statistics of one scheduler and tells its observer. */
import type { ModelStats } from '../engine/inference-engine.port.ts';
import type { ModelError } from '../errors.ts';
import { QuantileSketch } from '../sketch/quantiles.ts';
import type { ScheduledRequest } from './scheduled-request.ts';
import type { SchedulerClock } from './scheduler-clock.ts';
import {
  failureReason,
  StatisticsCounter,
  type BatchRecord,
  type ModelStatistics,
  type RequestRecord,
  type SchedulerObserver,
} from './statistics.ts';

/** How the scheduler is at the moment. */
export interface SchedulerGauges {
  /** Admitted, without an outcome. */
  readonly pendingRequests: number;
  readonly waitingRows: number;
  /** Requests that lost their place in the line to more important ones; among the REJECTED. */
  readonly displaced: number;
  /** Rows a batch may have now; 1 for a model that cannot be batched. */
  readonly batchRows: number;
  /** What the cost model expects for one row. */
  readonly singleRowMs: number;
  /** Milliseconds until what waits is worked off. */
  readonly retryAfterMs: number;
}

export interface SchedulerStatistics extends ModelStatistics, SchedulerGauges {
  /** Answers that came after their caller had left. */
  readonly droppedAnswers: number;
}

export class SchedulerRecord {
  readonly #clock: SchedulerClock;
  readonly #observer: SchedulerObserver;
  readonly #counter: StatisticsCounter;
  readonly #elapsed = new QuantileSketch();
  #droppedAnswers = 0;

  constructor(clock: SchedulerClock, observer: SchedulerObserver) {
    this.#clock = clock;
    this.#observer = observer;
    this.#counter = new StatisticsCounter(() => clock.now());
  }

  refused(totalMs: number, error: ModelError): void {
    const failure = { reason: failureReason(error.code), code: error.code };
    this.#tell({ rows: 0, failure, totalMs, queueMs: totalMs, inputMs: 0, inferMs: 0, outputMs: 0 });
  }

  settled(request: ScheduledRequest, error: ModelError | null): void {
    const now = this.#clock.now();
    const { rows, enqueuedAt, startedAt, inputMs, inferMs, outputMs } = request;
    this.#tell({
      rows,
      failure: error === null ? null : { reason: failureReason(error.code), code: error.code },
      totalMs: now - enqueuedAt,
      queueMs: (startedAt ?? now) - enqueuedAt,
      inputMs,
      inferMs,
      outputMs,
    });
  }

  ran(record: BatchRecord): void {
    this.#elapsed.add(record.elapsedMs);
    this.#counter.onBatch(record);
    this.#observer.onBatch?.(record);
  }

  dropped(): void {
    this.#droppedAnswers += 1;
  }

  read(gauges: SchedulerGauges): SchedulerStatistics {
    return { ...this.#counter.read(), ...gauges, droppedAnswers: this.#droppedAnswers };
  }

  /** Of all instances together; engine and process of the first that has one. */
  modelStats(instances: readonly ModelStats[], queued: number): ModelStats {
    const { success, fail } = this.#counter.read();
    const first = instances.find(({ pid }) => pid !== null) ?? instances[0];
    const resident = instances.flatMap(({ residentBytes }) => residentBytes ?? []);
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => this.#elapsed.quantile(share) ?? 0);
    return {
      engine: first?.engine ?? null,
      runtime: first?.runtime ?? null,
      pid: first?.pid ?? null,
      residentBytes: resident.length === 0 ? null : resident.reduce((total, bytes) => total + bytes, 0),
      requests: success.count + fail.count,
      failures: fail.count,
      losses: instances.reduce((total, { losses }) => total + losses, 0),
      queued,
      elapsedMs: this.#elapsed.count === 0 ? null : { p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0 },
    };
  }

  #tell(record: RequestRecord): void {
    this.#counter.onRequest(record);
    this.#observer.onRequest?.(record);
  }
}
