/** What a model file says of its tensors against what the manifest does. Engine processes start with this: it imports types and errors only. */
import type { TensorSpec } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';
import { ModelError } from '../errors.ts';

const specDifference = (actual: TensorSpec | undefined, declared: TensorSpec): string | null => {
  if (actual === undefined) return `${declared.name} is not in the model`;
  if (actual.datatype !== declared.datatype) return `${declared.name} is ${actual.datatype} in the model`;
  const sameRank = actual.shape.length === declared.shape.length;
  const agrees = sameRank && actual.shape.every((size, axis) => size === -1 || size === declared.shape[axis]);
  return agrees
    ? null
    : `${declared.name} is [${actual.shape.join()}] in the model, [${declared.shape.join()}] in the manifest`;
};

interface ModelTensors {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** A dimension the file leaves free may be pinned by the manifest, never the reverse. Throws MODEL_SIGNATURE_MISMATCH. */
export const checkSignature = (actual: ModelTensors, declared: BundleManifest['signature']): void => {
  const unknown = actual.inputs.find(({ name }) => declared.inputs.every((spec) => spec.name !== name));
  if (unknown !== undefined)
    throw new ModelError('MODEL_SIGNATURE_MISMATCH', `The model wants an input ${unknown.name} the manifest lacks`);
  for (const side of ['inputs', 'outputs'] as const)
    for (const spec of declared[side]) {
      const difference = specDifference(
        actual[side].find(({ name }) => name === spec.name),
        spec,
      );
      if (difference !== null) throw new ModelError('MODEL_SIGNATURE_MISMATCH', `Of the ${side}, ${difference}`);
    }
};
