/** Holds a newcomer against the line, the instances and the cost model, and makes the verdict true. */
import { ModelError } from '../errors.ts';
import { decideDeadline, hasRoom, makeRoom, retryAfterMs, type Forecast, type Occupancy } from './admission.ts';
import type { BatchLimits } from './batch-plan.ts';
import type { CostModel } from './cost-model.ts';
import type { InstancePool } from './instance-pool.ts';
import type { RequestPart, ScheduledRequest } from './scheduled-request.ts';
import type { SchedulerLimits } from './scheduler-limits.ts';
import type { WaitingLine } from './waiting-line.ts';

export interface GateParts {
  readonly line: WaitingLine;
  readonly pool: InstancePool;
  readonly cost: CostModel;
  readonly limits: SchedulerLimits;
}

export class AdmissionGate {
  readonly #parts: GateParts;
  /** Rows a batch may have, as far as the warm-up knows. */
  batchRows: number;
  /** Requests that lost their place to more important ones. */
  displaced = 0;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.batchRows = parts.limits.maxBatchRows;
  }

  get maxQueuedRows(): number {
    return this.#parts.limits.maxQueuedRows;
  }

  /** For a batch that starts now. */
  batchLimits(): BatchLimits {
    const { cost, limits } = this.#parts;
    const maxRows = Math.min(this.batchRows, cost.worthwhileRows);
    return { maxRows, maxBytes: limits.maxBatchBytes, costMs: (rows) => cost.expectMs(rows) };
  }

  /** What a newcomer of one row is refused with now; null while there is room for it, or somebody less important to make some. */
  refusal(priority: number): ModelError | null {
    const wanted = { rows: 1, bytes: 0, priority };
    const occupancy = this.#occupancy();
    if (hasRoom(occupancy, wanted) || makeRoom(this.#parts.line.parts, occupancy, wanted) !== null) return null;
    return this.#full();
  }

  /** Puts the parts of `request` into the line. Throws QUEUE_FULL or DEADLINE_UNMEETABLE, and then the line is as before. */
  admit(request: ScheduledRequest, parts: readonly RequestPart[], now: number): void {
    const { line, pool, cost } = this.#parts;
    const leaving = this.#roomFor(request, parts);
    const isIdle = pool.isIdle && line.parts.length === 0;
    for (const part of parts) line.insert(part);
    const forecast: Forecast = { ...this.batchLimits(), freeAt: pool.freeAt(now), now };
    const decision = decideDeadline(line.parts, parts, { marginMs: cost.marginMs, isIdle }, forecast);
    if (!decision.admit) {
      line.remove(request);
      throw new ModelError('DEADLINE_UNMEETABLE', this.#unmeetable(request), { retryAfterMs: this.retryAfterMs() });
    }
    this.#displace([...leaving, ...decision.displaced]);
  }

  /** Milliseconds until what waits now is worked off. */
  retryAfterMs(): number {
    const { line, pool, cost } = this.#parts;
    const batchRows = Math.min(this.batchRows, Math.max(1, line.rows), cost.worthwhileRows);
    return retryAfterMs(line.rows, pool.size, batchRows, cost.expectMs(batchRows));
  }

  /** Who has to leave for it. */
  #roomFor(request: ScheduledRequest, parts: readonly RequestPart[]): readonly RequestPart[] {
    const { line } = this.#parts;
    const occupancy = this.#occupancy();
    const bytes = parts.reduce((total, part) => total + part.bytes, 0);
    const wanted = { rows: request.rows, bytes, priority: request.priority };
    if (hasRoom(occupancy, wanted)) return [];
    const leaving = makeRoom(line.parts, occupancy, wanted);
    if (leaving !== null) return leaving;
    throw this.#full();
  }

  #occupancy(): Occupancy {
    const { line, limits } = this.#parts;
    return { rows: line.rows, bytes: line.bytes, maxRows: limits.maxQueuedRows, maxBytes: limits.maxQueuedBytes };
  }

  #full(): ModelError {
    const { line, limits } = this.#parts;
    return new ModelError('QUEUE_FULL', `${line.rows} rows wait for the model, at most ${limits.maxQueuedRows}`, {
      retryAfterMs: this.retryAfterMs(),
    });
  }

  #displace(parts: readonly RequestPart[]): void {
    for (const { request } of parts) {
      if (!request.isWanted) continue;
      this.displaced += 1;
      request.reject(
        new ModelError('QUEUE_FULL', 'The request had to make way for more important ones', {
          retryAfterMs: this.retryAfterMs(),
        }),
      );
    }
  }

  #unmeetable({ deadlineMs, rows }: ScheduledRequest): string {
    const alone = this.#parts.cost.expectMs(rows).toFixed(1);
    return `${rows} rows take about ${alone} ms and ${this.#parts.line.rows} wait before; the deadline is ${deadlineMs} ms`;
  }
}
