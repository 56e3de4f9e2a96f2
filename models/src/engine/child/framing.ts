/** Messages between a supervisor and its engine process; `wire.ts` says how they travel. */
import type { Tensors, TensorSpec } from '@shoal/protocol/wire';
import type { BundleManifest } from '../../bundle/manifest.ts';
import { isModelErrorCode, type ModelErrorCode } from '../../errors.ts';

/** A file the process reads and verifies by itself; `path` is absolute. */
export interface ChildFile {
  readonly path: string;
  readonly sha256: string;
}

/** `id` is answered exactly once; a process works on one request at a time. `model` names a loaded model. */
export type ChildRequest =
  | {
      readonly type: 'load';
      readonly id: number;
      readonly model: string;
      readonly manifest: BundleManifest;
      /** The model file. */
      readonly path: string;
      readonly sha256: string;
      /** Its weight files, by bundle path. */
      readonly weights: readonly (ChildFile & { readonly name: string })[];
    }
  | {
      readonly type: 'infer';
      readonly id: number;
      readonly model: string;
      readonly inputs: Tensors;
      readonly outputs: readonly string[];
      /** A larger answer is refused where it is made. */
      readonly maxAnswerBytes: number;
    }
  | { readonly type: 'unload'; readonly id: number; readonly model: string };

/** As a caller writes it; the process layer gives the id. */
export type ChildCall = DistributiveOmit<ChildRequest, 'id'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export interface LoadedMessage {
  readonly type: 'loaded';
  readonly id: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** What runs it, and what slows it down here. */
  readonly runtime: string;
}

interface InferredMessage {
  readonly type: 'inferred';
  readonly id: number;
  readonly outputs: Tensors;
  readonly elapsedMs: number;
}

export type ChildAnswer =
  | LoadedMessage
  | InferredMessage
  | { readonly type: 'unloaded'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly code: ModelErrorCode; readonly message: string };

/** Sent once, when the runtime is imported and has passed its self-test. */
export interface HelloMessage {
  readonly type: 'hello';
  readonly runtime: string;
}

export type ChildMessage = HelloMessage | ChildAnswer;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTensor = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value['datatype'] === 'string' &&
  Array.isArray(value['shape']) &&
  (ArrayBuffer.isView(value['data']) || Array.isArray(value['data']));

const isSpecs = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((spec) => isRecord(spec) && typeof spec['name'] === 'string' && Array.isArray(spec['shape']));

const BODIES: Readonly<Record<ChildMessage['type'], (message: Readonly<Record<string, unknown>>) => boolean>> = {
  hello: (message) => typeof message['runtime'] === 'string',
  loaded: (message) =>
    typeof message['runtime'] === 'string' && isSpecs(message['inputs']) && isSpecs(message['outputs']),
  inferred: (message) =>
    typeof message['elapsedMs'] === 'number' &&
    isRecord(message['outputs']) &&
    Object.values(message['outputs']).every(isTensor),
  unloaded: () => true,
  failed: (message) => isModelErrorCode(message['code']) && typeof message['message'] === 'string',
};

const isMessageType = (type: unknown): type is ChildMessage['type'] =>
  typeof type === 'string' && Object.hasOwn(BODIES, type);

/** Null for anything that is not a message: a process that runs foreign weights is not believed. */
export const parseChildMessage = (value: unknown): ChildMessage | null => {
  if (!isRecord(value) || !isMessageType(value['type'])) return null;
  const identified = value['type'] === 'hello' || Number.isSafeInteger(value['id']);
  return identified && BODIES[value['type']](value) ? (value as unknown as ChildMessage) : null;
};
