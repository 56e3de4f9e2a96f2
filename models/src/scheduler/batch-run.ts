/** Runs a batch on one instance until every member has its answer or its own error. */
import type { Tensors } from '@shoal/protocol/wire';
import { joinRows, sliceRows } from '../engine/rows.ts';
import type { BatchOptions, InferResult, ModelHandle } from '../engine/inference-engine.port.ts';
import { asModelError, ModelError } from '../errors.ts';
import { batchFault, halves } from './batch-plan.ts';
import type { ComputeTimes, RequestPart } from './scheduled-request.ts';
import type { BatchRecord } from './statistics.ts';

/** Processes one batch may cost: the batch itself and two culprits. Who was not tried by then gets the loss, which is retryable. */
const MAX_LOSSES = 3;

export interface BatchHost {
  now(): number;
  onRun(record: BatchRecord): void;
  /** The instance has nothing left to run for this batch; its callers are told next. */
  onFree(): void;
  /** An answer that nobody waits for any more. */
  onDropped(): void;
  /** The outputs of a joined batch have not one row per row: this model cannot be batched. */
  onNotRowwise(): void;
  /** The instance is out of service; these were not run. */
  onOutOfService(parts: readonly RequestPart[], error: ModelError): void;
}

interface Step {
  readonly parts: readonly RequestPart[];
  readonly onLoss: BatchOptions['onLoss'];
}

interface Answered {
  readonly result: InferResult;
  readonly startedAt: number;
  readonly gatheredAt: number;
  readonly answeredAt: number;
}

const rowsOf = (parts: readonly RequestPart[]): number => parts.reduce((total, { rows }) => total + rows, 0);

/** Undefined as soon as one caller has no deadline. */
const patienceOf = (parts: readonly RequestPart[]): number | undefined => {
  const longest = Math.max(...parts.map(({ request }) => request.deadlineMs ?? Infinity));
  return longest === Infinity ? undefined : longest;
};

const isRowwise = (outputs: Tensors, rows: number): boolean =>
  Object.values(outputs).every(({ shape }) => shape[0] === rows);

const wantedOf = (parts: readonly RequestPart[]): readonly RequestPart[] =>
  parts.filter(({ request }) => request.isWanted);

const step = (parts: readonly RequestPart[]): Step => ({ parts, onLoss: parts.length > 1 ? 'report' : 'retry' });

const singles = (parts: readonly RequestPart[], onLoss: Step['onLoss']): Step[] =>
  parts.map((part) => ({ parts: [part], onLoss }));

export class BatchRun {
  readonly #handle: ModelHandle;
  readonly #host: BatchHost;
  /** Last first. */
  #steps: Step[] = [];
  #losses = 0;

  constructor(handle: ModelHandle, host: BatchHost) {
    this.#handle = handle;
    this.#host = host;
  }

  /** Never rejects. Afterwards every part is answered, rejected or given to `onOutOfService`. */
  async run(parts: readonly RequestPart[]): Promise<void> {
    this.#steps = [step(parts)];
    for (let next = this.#steps.pop(); next !== undefined; next = this.#steps.pop()) {
      const wanted = wantedOf(next.parts);
      if (wanted.length > 0) await this.#try({ ...next, parts: wanted });
    }
  }

  async #try({ parts, onLoss }: Step): Promise<void> {
    const startedAt = this.#host.now();
    const inputs = parts.length === 1 ? (parts[0]?.inputs ?? {}) : joinRows(parts.map((part) => part.inputs));
    const gatheredAt = this.#host.now();
    try {
      const result = await this.#handle.infer(inputs, { batch: { onLoss, patienceMs: patienceOf(parts) } });
      this.#answer(parts, { result, startedAt, gatheredAt, answeredAt: this.#host.now() });
    } catch (error) {
      this.#afterFault(parts, asModelError(error, 'ENGINE_CRASHED'));
    }
  }

  #answer(parts: readonly RequestPart[], { result, startedAt, gatheredAt, answeredAt }: Answered): void {
    const rows = rowsOf(parts);
    if (parts.length > 1 && !isRowwise(result.outputs, rows)) {
      this.#host.onNotRowwise();
      this.#steps.push(...singles(parts.toReversed(), 'retry'));
      return;
    }
    let from = 0;
    const answers = parts.map((part) => {
      const to = from + part.rows;
      const outputs = parts.length === 1 ? result.outputs : sliceRows(result.outputs, from, to);
      from = to;
      return { part, outputs };
    });
    const times: ComputeTimes = {
      inputMs: gatheredAt - startedAt,
      inferMs: answeredAt - gatheredAt,
      outputMs: this.#host.now() - answeredAt,
    };
    this.#host.onRun({ rows, requests: parts.length, elapsedMs: result.elapsedMs, ...times });
    if (this.#steps.length === 0) this.#host.onFree();
    for (const { part, outputs } of answers) {
      if (!part.request.isWanted) this.#host.onDropped();
      part.request.complete(part.index, { outputs, elapsedMs: result.elapsedMs }, times);
    }
  }

  #afterFault(parts: readonly RequestPart[], error: ModelError): void {
    const fault = batchFault(error.code);
    if (fault === 'engine') {
      const untried = this.#steps.splice(0).toReversed();
      return this.#host.onOutOfService([...parts, ...untried.flatMap((later) => later.parts)], error);
    }
    if (fault === 'one-by-one') this.#losses += 1;
    if (parts.length === 1) {
      for (const { request } of parts) request.reject(error);
      if (this.#losses >= MAX_LOSSES) this.#giveUp(error);
    } else if (fault === 'one-by-one') this.#steps.push(...singles(parts.toReversed(), 'blame'));
    else {
      const [first, second] = halves(parts);
      this.#steps.push(step(second), step(first));
    }
  }

  #giveUp(cause: ModelError): void {
    const lost = new ModelError('ENGINE_CRASHED', 'Others in the same batch cost the engine its process too often', {
      cause,
    });
    for (const { parts } of this.#steps.splice(0)) for (const { request } of parts) request.reject(lost);
  }
}
