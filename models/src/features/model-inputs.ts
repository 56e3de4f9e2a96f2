/** From feature vectors to the input of a model, and from its output to verdicts. */
import type { Tensor, Tensors } from '@shoal/protocol';
import type { BundleManifest } from '../bundle/manifest.ts';
import { ModelError } from '../errors.ts';
import type { FeatureVector } from './feature-vector.ts';

/**
 * One row per vector in the single FP32 input [-1, features] of the model. Throws FEATURE_VIEW_MISMATCH for a vector of
 * another view, INPUT_SHAPE_INVALID when the vector does not fit the input.
 */
export const modelInputs = (manifest: BundleManifest, vectors: readonly FeatureVector[]): Tensors => {
  const [input] = manifest.signature.inputs;
  const width = input?.shape.at(-1) ?? 0;
  if (
    input === undefined ||
    manifest.signature.inputs.length !== 1 ||
    input.datatype !== 'FP32' ||
    input.shape.length !== 2
  )
    throw new ModelError('INPUT_SHAPE_INVALID', `${manifest.name} takes no feature vectors: it wants other inputs`);
  const data = new Float32Array(vectors.length * width);
  for (const [row, vector] of vectors.entries()) {
    if (vector.viewHash !== manifest.featureViewHash)
      throw new ModelError(
        'FEATURE_VIEW_MISMATCH',
        `Vector ${row} was made by another view than ${manifest.name} pins`,
      );
    if (vector.values.length !== width)
      throw new ModelError('INPUT_SHAPE_INVALID', `Vector ${row} has ${vector.values.length} features, not ${width}`);
    data.set(vector.values, row * width);
  }
  return { [input.name]: { datatype: 'FP32', shape: [vectors.length, width], data } };
};

/** `exceeded` is score > threshold; `label` follows from it. */
export interface Verdict {
  readonly score: number;
  readonly threshold: number;
  readonly exceeded: boolean;
  readonly label: string;
}

const scoresOf = (manifest: BundleManifest, outputs: Tensors): Float32Array | Float64Array => {
  const name = manifest.postProcessing.scoreOutput;
  const tensor: Tensor | undefined = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
  if (tensor?.data instanceof Float32Array || tensor?.data instanceof Float64Array) return tensor.data;
  throw new ModelError('OUTPUT_MISMATCH', `${manifest.name} gave no floating-point output ${name}`);
};

/**
 * One verdict per row, in order. `thresholds` (by name) override the defaults of the manifest, as a device's twin may.
 * Throws OUTPUT_MISMATCH when the score is not there.
 */
export const judgeScores = (
  manifest: BundleManifest,
  outputs: Tensors,
  thresholds: Readonly<Record<string, number>> = {},
): Verdict[] => {
  const { decisionThreshold, labels, thresholds: declared } = manifest.postProcessing;
  const threshold = thresholds[decisionThreshold] ?? declared[decisionThreshold]?.default ?? Infinity;
  return Array.from(scoresOf(manifest, outputs), (score) => {
    const exceeded = score > threshold;
    return { score, threshold, exceeded, label: exceeded ? labels[1] : labels[0] };
  });
};
