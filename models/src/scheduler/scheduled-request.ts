/** One caller of the scheduler and the parts its rows are worked off in: settled exactly once. */
import type { Tensors } from '@shoal/protocol/wire';
import type { ModelError } from '../errors.ts';
import type { CallerSignal, InferResult } from '../engine/inference-engine.port.ts';
import { joinRows } from '../engine/rows.ts';
import type { Candidate } from './admission.ts';

/** Milliseconds a part spent being gathered, in the engine (transport included) and being handed out. */
export interface ComputeTimes {
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
}

/** Rows of a request that are run together. */
export interface RequestPart extends Candidate {
  readonly request: ScheduledRequest;
  readonly index: number;
  readonly inputs: Tensors;
  readonly rank: number;
}

export interface RequestFacts {
  readonly rows: number;
  readonly priority: number;
  readonly enqueuedAt: number;
  /** Infinity for none. */
  readonly deadlineAt: number;
  readonly deadlineMs: number | undefined;
  /** Whether an answer past the deadline is of use, once its run has begun. */
  readonly acceptsLate: boolean;
  /** Order of arrival. */
  readonly sequence: number;
}

/** Told once, before the caller is: null for an answer. */
type OnSettled = (request: ScheduledRequest, error: ModelError | null) => void;

export class ScheduledRequest implements RequestFacts {
  readonly rows: number;
  readonly priority: number;
  readonly enqueuedAt: number;
  readonly deadlineAt: number;
  readonly deadlineMs: number | undefined;
  readonly acceptsLate: boolean;
  readonly sequence: number;
  /** When its first part was taken from the line. */
  startedAt: number | null = null;
  /** Times an instance out of service gave it back. */
  returns = 0;
  inputMs = 0;
  inferMs = 0;
  outputMs = 0;
  readonly #answer = Promise.withResolvers<InferResult>();
  readonly #outputs: (Tensors | undefined)[] = [];
  readonly #signal: CallerSignal | undefined;
  readonly #onSettled: OnSettled;
  #onAbort: (() => void) | null = null;
  #missing = 1;
  #elapsedMs = 0;
  #settled = false;

  constructor(facts: RequestFacts, signal: CallerSignal | undefined, onSettled: OnSettled) {
    this.rows = facts.rows;
    this.priority = facts.priority;
    this.enqueuedAt = facts.enqueuedAt;
    this.deadlineAt = facts.deadlineAt;
    this.deadlineMs = facts.deadlineMs;
    this.acceptsLate = facts.acceptsLate;
    this.sequence = facts.sequence;
    this.#signal = signal;
    this.#onSettled = onSettled;
  }

  get answer(): Promise<InferResult> {
    return this.#answer.promise;
  }

  /** Whether somebody still waits. */
  get isWanted(): boolean {
    return !this.#settled;
  }

  /** Waits for so many parts, and for its caller to withdraw. */
  start(parts: number, onAbort: () => void): void {
    this.#missing = parts;
    if (this.#signal === undefined) return;
    this.#onAbort = onAbort;
    this.#signal.addEventListener('abort', onAbort, { once: true });
  }

  /** `outputs` are this part's own. */
  complete(index: number, { outputs, elapsedMs }: InferResult, times: ComputeTimes): void {
    if (this.#settled) return;
    this.#outputs[index] = outputs;
    this.#elapsedMs += elapsedMs;
    this.inputMs += times.inputMs;
    this.inferMs += times.inferMs;
    this.outputMs += times.outputMs;
    this.#missing -= 1;
    if (this.#missing > 0) return;
    const parts = this.#outputs.filter((part) => part !== undefined);
    this.#settle(null);
    this.#answer.resolve({ outputs: parts.length === 1 ? outputs : joinRows(parts), elapsedMs: this.#elapsedMs });
  }

  reject(error: ModelError): void {
    if (this.#settled) return;
    this.#settle(error);
    this.#answer.reject(error);
  }

  #settle(error: ModelError | null): void {
    this.#settled = true;
    if (this.#onAbort !== null) this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#onSettled(this, error);
  }
}
