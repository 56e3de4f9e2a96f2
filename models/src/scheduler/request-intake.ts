/** From a call to work that can wait: checked, copied once, ranked, and split where it is larger than a batch. */
import type { Tensors } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';
import { checkInputs, copyTensors, tensorsBytes } from '../engine/check-tensors.ts';
import type { InferOptions } from '../engine/inference-engine.port.ts';
import { sliceRows } from '../engine/rows.ts';
import { splitRequest } from './batch-plan.ts';
import { urgencyRank } from './priorities.ts';
import { rowGrouping, type RowShape } from './row-grouping.ts';
import type { RequestFacts, RequestPart, ScheduledRequest } from './scheduled-request.ts';
import type { SchedulerLimits } from './scheduler-limits.ts';

/** A call, checked. */
export interface IntakeFacts extends RequestFacts {
  readonly group: string | null;
  /** The scheduler's own. */
  readonly inputs: Tensors;
}

export class RequestIntake {
  readonly #signature: BundleManifest['signature'];
  readonly #limits: SchedulerLimits;
  readonly #shapeOf: (inputs: Tensors) => RowShape;
  #sequence = 0;
  /** Whether rows may be joined and split at all. */
  isRowwise = true;

  constructor(signature: BundleManifest['signature'], limits: SchedulerLimits) {
    this.#signature = signature;
    this.#limits = limits;
    this.#shapeOf = rowGrouping(signature);
  }

  /** Throws INPUT_*. */
  check(inputs: Tensors, options: InferOptions, now: number): IntakeFacts {
    checkInputs(inputs, this.#signature, this.#limits.maxRequestBytes);
    const { deadlineMs, priority = 0 } = options;
    this.#sequence += 1;
    return {
      ...(this.isRowwise ? this.#shapeOf(inputs) : { rows: 1, group: null }),
      inputs: options.batch === undefined && options.inputsStay !== true ? copyTensors(inputs) : inputs,
      priority,
      enqueuedAt: now,
      deadlineAt: deadlineMs === undefined ? Infinity : now + deadlineMs,
      deadlineMs,
      acceptsLate: options.acceptsLate ?? false,
      sequence: this.#sequence,
    };
  }

  /** In order of their rows; all of the same rank. */
  parts(request: ScheduledRequest, { group, inputs }: IntakeFacts): readonly RequestPart[] {
    const { rows, priority, deadlineAt } = request;
    const ranges = group === null ? [[0, rows] as const] : splitRequest(rows, this.#limits.maxBatchRows);
    const rank = urgencyRank(request);
    const allowanceMs = request.deadlineMs ?? Infinity;
    return ranges.map(([from, to], index) => {
      const own = ranges.length === 1 ? inputs : sliceRows(inputs, from, to);
      const sized = { inputs: own, rows: to - from, bytes: tensorsBytes(own) };
      return { request, index, ...sized, group, priority, deadlineAt, allowanceMs, rank };
    });
  }
}
