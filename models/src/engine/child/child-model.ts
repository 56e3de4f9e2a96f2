/** A model inside an engine process, as its callers hold it. */
import type { Tensors } from '@shoal/protocol/wire';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { ModelError } from '../../errors.ts';
import { QuantileSketch } from '../../sketch/quantiles.ts';
import { checkInputs, copyTensors } from '../check-tensors.ts';
import type { InferOptions, InferResult, ModelHandle, ModelStats } from '../inference-engine.port.ts';
import { sessionKey } from './child-calls.ts';
import { PendingRequest } from './pending-request.ts';

/** What the model asks of its engine. */
export interface ModelHost {
  readonly maxRequestBytes: number;
  /** False when the queue is full. */
  enqueue(model: ChildModel, request: PendingRequest): boolean;
  withdraw(request: PendingRequest): void;
  remove(model: ChildModel): Promise<void>;
  describe(model: ChildModel): Pick<ModelStats, 'engine' | 'runtime' | 'pid' | 'residentBytes' | 'queued'>;
}

export class ChildModel implements ModelHandle {
  readonly bundle: Bundle;
  /** Names the model inside the process: handles of the same bytes share one session, unless the gate may judge them differently. */
  readonly key: string;
  readonly #host: ModelHost;
  readonly #elapsed = new QuantileSketch();
  #requests = 0;
  #failures = 0;
  #losses = 0;
  #broken: ModelError | null = null;

  constructor(bundle: Bundle, host: ModelHost) {
    this.bundle = bundle;
    this.key = sessionKey(bundle);
    this.#host = host;
  }

  get signature(): ModelHandle['signature'] {
    return this.bundle.manifest.signature;
  }

  async infer(inputs: Tensors, options: InferOptions = {}): Promise<InferResult> {
    if (this.#broken !== null) throw this.#broken;
    checkInputs(inputs, this.signature, this.#host.maxRequestBytes);
    const request = new PendingRequest(options.batch === undefined ? copyTensors(inputs) : inputs, options);
    this.#requests += 1;
    request.start(() => this.#host.withdraw(request));
    if (request.isWanted && !this.#host.enqueue(this, request))
      request.reject(new ModelError('ENGINE_BUSY', 'The queue of the engine is full'));
    try {
      const result = await request.answer;
      this.#elapsed.add(result.elapsedMs);
      return result;
    } catch (error) {
      this.#failures += 1;
      throw error;
    }
  }

  stats(): ModelStats {
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => this.#elapsed.quantile(share) ?? 0);
    const elapsedMs = this.#elapsed.count === 0 ? null : { p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0 };
    const counts = { requests: this.#requests, failures: this.#failures, losses: this.#losses };
    return { ...this.#host.describe(this), ...counts, elapsedMs };
  }

  async close(): Promise<void> {
    if (this.#broken?.code === 'MODEL_CLOSED') return;
    this.#broken = new ModelError('MODEL_CLOSED', `${this.bundle.manifest.name} was closed; load it again`);
    await this.#host.remove(this);
  }

  noteLoss(): void {
    this.#losses += 1;
  }

  /** From now on every call rejects with this. */
  quarantine(reason: ModelError): void {
    this.#broken ??= reason;
  }
}
