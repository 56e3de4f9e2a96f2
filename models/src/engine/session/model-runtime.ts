/** What an engine process asks of a runtime, whichever it is: one serve loop drives them all. */
import type { Tensors, TensorSpec } from '@shoal/protocol/wire';
import type { BundleManifest } from '../../bundle/manifest.ts';

/** The verified bytes of one model. */
export interface ModelContent {
  readonly manifest: BundleManifest;
  readonly model: Uint8Array;
  /** By bundle path; empty for a model in one file. */
  readonly weights: ReadonlyMap<string, Uint8Array>;
}

export interface ModelAnswer {
  readonly outputs: Tensors;
  /** Milliseconds inside the runtime alone. */
  readonly elapsedMs: number;
}

export interface ModelSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Name, version and whatever slows it down here, for operators. */
  readonly runtime: string;
  /** Answers with freshly allocated tensors. Throws what the runtime throws. */
  run(inputs: Tensors, outputs: readonly string[]): Promise<ModelAnswer>;
  release(): Promise<void>;
}

export interface ModelRuntime {
  /** Name and version, for the log. */
  readonly description: string;
  /** Throws ModelError for what it refuses by itself, anything for what the runtime refuses. */
  load(content: ModelContent): Promise<ModelSession>;
}
