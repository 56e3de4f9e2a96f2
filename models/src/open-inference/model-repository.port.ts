/** What the Open Inference Protocol service asks of whoever keeps models: the device its slots, the server its scheduler. */
import type { JsonObject, Tensors } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { InferOptions, InferResult } from '../engine/inference-engine.port.ts';
import type { ModelError } from '../errors.ts';
import type { ModelMeter } from './model-meter.ts';

/** Triton's words for the state of a model (repository extension). */
export type ServingState = 'READY' | 'LOADING' | 'UNAVAILABLE';

export interface ServedAnswer extends InferResult {
  /** Leaves as the `parameters` of the response: where it ran, and why not better. */
  readonly parameters?: JsonObject;
}

/** Inputs with what was looked up for them. */
export interface CompletedInputs {
  readonly inputs: Tensors;
  /** Leaves with the response: of what age it was, and what was missing. */
  readonly parameters?: JsonObject;
}

/** Counts every inference of a model, whoever asked for it. */
export type InferenceMeter = Pick<ModelMeter, 'measure' | 'noteCoding' | 'statistics'>;

/** One version of one model. */
export interface ServedModel {
  /** `name` and `version` are what a path names. */
  readonly manifest: BundleManifest;
  readonly meter: InferenceMeter;
  /** `reason` is empty when there is nothing to say. */
  state(): { readonly state: ServingState; readonly reason: string };
  /** Rejects with ModelError. `priority`: higher goes first. */
  infer(inputs: Tensors, options: InferOptions): Promise<ServedAnswer>;
  /**
   * Brings in what is known of an entity; inputs of the request outweigh it. Absent where nothing can be looked up.
   * Throws or rejects with ModelError, or with a fault of the host's own that has `code` and `status`.
   */
  complete?(inputs: Tensors, entity: string): CompletedInputs | Promise<CompletedInputs>;
  /**
   * What a request of this priority is refused with unread, counted; undefined while it has to be read. `mayOvertake`: whether it may have
   * another priority. Absent where nothing waits in a line.
   */
  refuseUnread?(priority: number, mayOvertake: () => boolean): ModelError | undefined;
  /** Milliseconds after which a full queue has room again, as far as can be told. */
  retryAfterMs(): number;
}

export interface RepositoryEntry {
  readonly name: string;
  readonly version?: string;
  readonly state: ServingState;
  readonly reason: string;
}

export interface ModelRepository {
  /** Every version that is served or on its way; of one name the default version first. */
  list(): readonly ServedModel[];
  /** The default version when none is named. */
  get(name: string, version?: string): ServedModel | undefined;
  /** What could be loaded and is not, beside what `list` gives. Absent where nothing can be loaded. */
  unloaded?(): Promise<readonly RepositoryEntry[]>;
  /** Resolves when the model is ready. Loads it anew when it is there. Rejects with ModelError. Absent where models cannot be loaded. */
  load?(name: string): Promise<void>;
  /** Rejects with ModelError. */
  unload?(name: string): Promise<void>;
}
