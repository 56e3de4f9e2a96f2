/** From feature vectors to the input of a model, and from its output to verdicts. */
import type { Tensor, Tensors } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { PostProcessing } from '../bundle/post-processing.ts';
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

/** `exceeded` is score > threshold and a label that is not quiet; `confidence` is the probability of the label, where the model gives one. */
export interface Verdict {
  readonly score: number;
  readonly threshold: number;
  readonly exceeded: boolean;
  readonly label: string;
  readonly confidence?: number;
}

type Judged<K extends PostProcessing['kind']> = Extract<PostProcessing, { kind: K }>;

const floatsOf = (manifest: BundleManifest, outputs: Tensors, name: string): Float32Array | Float64Array => {
  const tensor: Tensor | undefined = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
  if (tensor?.data instanceof Float32Array || tensor?.data instanceof Float64Array) return tensor.data;
  throw new ModelError('OUTPUT_MISMATCH', `${manifest.name} gave no floating-point output ${name}`);
};

const judgeScores = (rule: Judged<'score'>, scores: Float32Array | Float64Array, threshold: number): Verdict[] =>
  Array.from(scores, (score) => {
    const exceeded = score > threshold;
    return { score, threshold, exceeded, label: exceeded ? rule.labels[1] : rule.labels[0] };
  });

/** The first of equally probable classes wins. */
const judgeClasses = (
  rule: Judged<'classes'>,
  probabilities: Float32Array | Float64Array,
  threshold: number,
): Verdict[] => {
  const { labels, quietLabels } = rule;
  if (probabilities.length % labels.length !== 0)
    throw new ModelError(
      'OUTPUT_MISMATCH',
      `${rule.probabilitiesOutput} has ${probabilities.length} values for rows of ${labels.length} classes`,
    );
  return Array.from({ length: probabilities.length / labels.length }, (_, index) => {
    const row = probabilities.subarray(index * labels.length, (index + 1) * labels.length);
    const best = row.indexOf(Math.max(...row));
    const [score, label] = [row[best] ?? 0, labels[best] ?? ''];
    const exceeded = !quietLabels.includes(label) && score > threshold;
    return { score, threshold, exceeded, label, confidence: Math.min(1, Math.max(0, score)) };
  });
};

/**
 * One verdict per row, in order; none for a model whose outputs are not judged. `thresholds` (by name) override the defaults
 * of the manifest, as a device's twin may. Throws OUTPUT_MISMATCH when what is judged is not there.
 */
export const judgeOutputs = (
  manifest: BundleManifest,
  outputs: Tensors,
  thresholds: Readonly<Record<string, number>> = {},
): Verdict[] => {
  const rule = manifest.postProcessing;
  if (rule.kind === 'none') return [];
  const threshold = thresholds[rule.decisionThreshold] ?? rule.thresholds[rule.decisionThreshold]?.default ?? Infinity;
  return rule.kind === 'score'
    ? judgeScores(rule, floatsOf(manifest, outputs, rule.scoreOutput), threshold)
    : judgeClasses(rule, floatsOf(manifest, outputs, rule.probabilitiesOutput), threshold);
};
