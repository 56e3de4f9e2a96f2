/** What travels between the eval and a process that runs onnxruntime with nothing of ours around it. */
import type { Tensors, TensorSpec } from '@shoal/protocol';

export interface RawRequest {
  readonly id: number;
  readonly modelPath: string;
  readonly inputs: Tensors;
}

export interface RawRun {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly results: Tensors;
}

export type RawReply = { readonly id: number } & (
  { readonly ok: true; readonly run: RawRun } | { readonly ok: false; readonly why: string }
);
