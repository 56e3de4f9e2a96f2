/** One caller waiting for an answer: settled once, by the engine, its deadline or its signal. */
import type { Tensors } from '@shoal/protocol/wire';
import { ModelError } from '../../errors.ts';
import type { BatchOptions, CallerSignal, InferOptions, InferResult } from '../inference-engine.port.ts';

export class PendingRequest {
  readonly inputs: Tensors;
  readonly priority: number;
  readonly deadlineMs: number | undefined;
  readonly onLoss: BatchOptions['onLoss'];
  /** Milliseconds the caller, or the longest waiting of a scheduler's callers, gives the run. */
  readonly patienceMs: number | undefined;
  readonly #answer: PromiseWithResolvers<InferResult> = Promise.withResolvers();
  readonly #signal: CallerSignal | undefined;
  readonly #deadlineAt: number;
  #timer: NodeJS.Timeout | undefined;
  #onAbort: () => void = () => undefined;
  #settled = false;

  constructor(inputs: Tensors, options: InferOptions) {
    this.inputs = inputs;
    this.priority = options.priority ?? 0;
    this.deadlineMs = options.deadlineMs;
    this.#deadlineAt = performance.now() + (options.deadlineMs ?? Infinity);
    this.onLoss = options.batch?.onLoss ?? 'retry';
    this.patienceMs = options.batch?.patienceMs ?? options.deadlineMs;
    this.#signal = options.signal;
  }

  /** Whether somebody still waits. */
  get isWanted(): boolean {
    return !this.#settled;
  }

  get answer(): Promise<InferResult> {
    return this.#answer.promise;
  }

  /** Starts the deadline and listens to the signal; `onGivenUp` is called when either ends the wait. */
  start(onGivenUp: () => void): void {
    const giveUp = (error: ModelError): void => {
      this.reject(error);
      onGivenUp();
    };
    const canceled = (): void => giveUp(new ModelError('INFERENCE_CANCELED', 'The request was withdrawn'));
    this.#onAbort = canceled;
    if (this.#signal?.aborted === true) return canceled();
    this.#signal?.addEventListener('abort', canceled, { once: true });
    if (this.deadlineMs === undefined) return;
    this.#timer = setTimeout(() => giveUp(this.#timedOut()), this.deadlineMs);
  }

  /** A timer is no finer than a millisecond: an answer that overtakes it is still held against the deadline. */
  resolve(result: InferResult): void {
    if (performance.now() > this.#deadlineAt) return this.reject(this.#timedOut());
    if (this.#finish()) this.#answer.resolve(result);
  }

  reject(error: ModelError): void {
    if (this.#finish()) this.#answer.reject(error);
  }

  #timedOut(): ModelError {
    return new ModelError('ENGINE_TIMEOUT', `No answer within the deadline of ${this.deadlineMs} ms`);
  }

  #finish(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}
