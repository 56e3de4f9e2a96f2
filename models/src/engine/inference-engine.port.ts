/** What runs models, whichever runtime is behind it: the same port on device and server. */
import type { Tensors } from '@shoal/protocol/wire';
import type { BundleManifest, EngineKind } from '../bundle/manifest.ts';
import type { Bundle } from '../bundle/read-bundle.ts';

/**
 * What a scheduler that holds the callers says to the engine it feeds. `onLoss` is what to do when the process is lost under the
 * run: `retry` once more row by row, then blame (as without a scheduler); `report` the loss at once, for the scheduler will try its
 * callers one by one; `blame` at once, for this input lost a process already.
 */
export interface BatchOptions {
  readonly onLoss: 'retry' | 'report' | 'blame';
  /** The longest wait among the callers, ms: decides when the run is hopeless. The call itself is not ended by it. */
  readonly patienceMs: number | undefined;
}

/** As much of an `AbortSignal` as a wait needs: a transport may have something lighter. */
export interface CallerSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface InferOptions {
  /** Milliseconds from the call, waiting included. Past it the call rejects with ENGINE_TIMEOUT. */
  readonly deadlineMs?: number;
  /**
   * Kept waiting past its deadline when its run has begun by then: the answer is coming anyway, and somebody has a use for it. For
   * schedulers; who does not start in time is refused as ever.
   */
  readonly acceptsLate?: boolean;
  /** Higher goes first; 0 by default, first come first served among equals. */
  readonly priority?: number;
  /** Withdraws the request: rejects with INFERENCE_CANCELED. A run that has begun goes on, its answer is dropped. */
  readonly signal?: CallerSignal;
  /** The caller promises that the inputs stay as they are: a scheduler does not copy them. */
  readonly inputsStay?: boolean;
  /** Set by a scheduler only, which promises that the inputs stay as they are: they are not copied again. */
  readonly batch?: BatchOptions;
}

export interface InferResult {
  /** By output name, every output of the signature, freshly allocated. */
  readonly outputs: Tensors;
  /** Milliseconds inside the runtime, without queueing and transport. */
  readonly elapsedMs: number;
}

export interface ModelStats {
  /** Null while no engine works. */
  readonly engine: EngineKind | null;
  /** Runtime, version and backend, with what slows it down here; null while no process has the model. */
  readonly runtime: string | null;
  /** Process that holds the model; null while none runs. */
  readonly pid: number | null;
  /** Of that process, at the last look; null when unknown. */
  readonly residentBytes: number | null;
  readonly requests: number;
  readonly failures: number;
  /** Times the process was lost while this model ran. */
  readonly losses: number;
  readonly queued: number;
  /** Of `elapsedMs`; null before the first answer. */
  readonly elapsedMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
}

export interface ModelHandle {
  readonly signature: BundleManifest['signature'];
  /**
   * Inputs are copied before this returns, unless `batch` or `inputsStay` says that they stay. Rejects only with `ModelError`: INPUT_* for a request that does not match the
   * signature, OUTPUT_* for an answer that does not, MODEL_RUN_FAILED, INPUT_BREAKS_MODEL, MODEL_QUARANTINED, MODEL_CLOSED,
   * ENGINE_* and INFERENCE_CANCELED.
   */
  infer(inputs: Tensors, options?: InferOptions): Promise<InferResult>;
  stats(): ModelStats;
  /** Waiting requests reject with MODEL_CLOSED. Idempotent. */
  close(): Promise<void>;
}

export interface InferenceEngine {
  readonly kind: EngineKind;
  /**
   * Probation: gate, load and golden vectors, alone in a process; one model at a time. A verdict against it comes from a process that
   * no other model was in. Rejects with the first failure: MODEL_*, GOLDEN_MISMATCH, OUTPUT_*, ENGINE_*.
   */
  probe(bundle: Bundle): Promise<void>;
  /**
   * Rejects with MODEL_LOAD_FAILED, MODEL_SIGNATURE_MISMATCH, what the gate refuses with, ENGINE_*. Does not run golden vectors. A model
   * on trial shares no process until it has answered for a while.
   */
  load(bundle: Bundle, options?: { readonly onTrial?: boolean }): Promise<ModelHandle>;
  /** Ends the process and everything waiting. Idempotent. */
  close(): Promise<void>;
}
