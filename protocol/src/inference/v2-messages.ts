/** Inference messages in memory: the objects of the protocol with typed arrays for tensors, and the form each tensor leaves in. */
import type { z } from 'zod';
import { ProtocolError } from '../errors.ts';
import type { NamedTensor } from './tensors.ts';
import type { NonFinite } from './v2-json-encode.ts';
import type { inferRequestSchema, inferResponseSchema } from './v2-schemas.ts';

/** Inputs in the order of the message; their parameters come without `binary_data_size`. */
export interface InferRequest extends Omit<z.infer<typeof inferRequestSchema>, 'inputs'> {
  readonly inputs: readonly NamedTensor[];
}

export interface InferResponse extends Omit<z.infer<typeof inferResponseSchema>, 'outputs'> {
  readonly outputs: readonly NamedTensor[];
}

/** How one tensor is written. */
export interface TensorEncoding {
  readonly binary: boolean;
  readonly nonFinite: NonFinite;
}

/** A message on its way out. Without `headerLength` it is JSON as a whole; with it, it is sent as `Inference-Header-Content-Length`. */
export interface EncodedInference {
  readonly body: Uint8Array;
  readonly headerLength?: number;
}

/** HTTP's name for the length of the JSON part in front of binary tensors, in lower case. */
export const INFERENCE_HEADER_LENGTH = 'inference-header-content-length';

/** How a request wants an output: what it says of that output, else what it says of all, else plain JSON. */
export const outputEncoding = (request: InferRequest, name: string): TensorEncoding => {
  const own = request.outputs?.find((output) => output.name === name)?.parameters;
  return {
    binary: own?.binary_data ?? request.parameters?.binary_data_output ?? false,
    nonFinite: own?.non_finite ?? request.parameters?.non_finite ?? 'refuse',
  };
};

/** @throws ProtocolError TENSOR_NAME_DUPLICATE */
export const checkNames = (side: string, named: readonly { readonly name: string }[]): void => {
  const seen = new Set<string>();
  for (const { name } of named) {
    if (seen.has(name)) throw new ProtocolError('TENSOR_NAME_DUPLICATE', `The ${side} name "${name}" twice.`);
    seen.add(name);
  }
};
