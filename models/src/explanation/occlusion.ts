/**
 * Occlusion, one feature at a time: what the score would lose if a feature had a neutral value (Zeiler and Fergus 2014, for rows). All
 * variants run as one batch, so an explanation costs about as much as an answer. Pure.
 */
import type { Tensor, Tensors } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';
import { sliceRows } from '../engine/rows.ts';
import { ModelError } from '../errors.ts';
import { vectorName } from '../features/entity-vector.ts';
import { featureNames } from '../features/window-steps.ts';

/** Rows of one explanation are one more. */
const MAX_FEATURES = 512;

export interface OcclusionTerms {
  /** The neutral value, of all features or of each; 0 when absent. */
  readonly baseline?: number | readonly number[] | undefined;
}

export interface OcclusionPlan {
  /** The row itself, then one row for each feature. */
  readonly inputs: Tensors;
  readonly names: readonly string[];
  /** The output that is held against its variants. */
  readonly output: string;
}

export interface Occlusion {
  /** Outputs of the row itself. */
  readonly outputs: Tensors;
  readonly score: number;
  /** By feature: score of the row minus score without that feature. */
  readonly changes: Readonly<Record<string, number>>;
}

const unsupported = (manifest: BundleManifest, why: string): ModelError =>
  new ModelError('EXPLANATION_UNSUPPORTED', `${manifest.name} cannot be explained by occlusion: ${why}`);

/** Of the view whose features fill the input, else by position. */
const namesOf = ({ entityView, featureView, window }: BundleManifest, width: number): readonly string[] => {
  if (entityView?.features.length === width) return entityView.features.map(vectorName);
  const windowed = featureView === undefined || window === undefined ? [] : featureNames(featureView, window.lengthMs);
  return windowed.length === width ? windowed : Array.from({ length: width }, (_, index) => `feature_${index}`);
};

const judgedOutput = ({ postProcessing, signature }: BundleManifest): string => {
  if (postProcessing.kind === 'score') return postProcessing.scoreOutput;
  return postProcessing.kind === 'classes' ? postProcessing.probabilitiesOutput : (signature.outputs[0]?.name ?? '');
};

/** Throws EXPLANATION_UNSUPPORTED, REQUEST_INVALID. */
export const planOcclusion = (
  manifest: BundleManifest,
  inputs: Tensors,
  { baseline = 0 }: OcclusionTerms,
): OcclusionPlan => {
  const { signature } = manifest;
  const [spec, ...others] = signature.inputs;
  if (
    spec === undefined ||
    others.length > 0 ||
    spec.datatype !== 'FP32' ||
    spec.shape.length !== 2 ||
    spec.shape[0] !== -1
  )
    throw unsupported(manifest, 'it does not take one FP32 tensor [-1, features]');
  const tensor: Tensor | undefined = inputs[spec.name];
  const [rows, width = 0] = tensor?.shape ?? [];
  if (!(tensor?.data instanceof Float32Array) || rows !== 1 || tensor.data.length !== width)
    throw unsupported(manifest, 'one row at a time is explained');
  if (width > MAX_FEATURES)
    throw unsupported(manifest, `it has ${width} features, at most ${MAX_FEATURES} are occluded`);
  if (typeof baseline !== 'number' && baseline.length !== width)
    throw new ModelError('REQUEST_INVALID', `explain.baseline has ${baseline.length} values, the row has ${width}`);
  const data = new Float32Array((width + 1) * width);
  for (let row = 0; row <= width; row += 1) data.set(tensor.data, row * width);
  for (let feature = 0; feature < width; feature += 1)
    data[(feature + 1) * width + feature] = typeof baseline === 'number' ? baseline : (baseline[feature] ?? 0);
  return {
    inputs: { [spec.name]: { datatype: 'FP32', shape: [width + 1, width], data } },
    names: namesOf(manifest, width),
    output: judgedOutput(manifest),
  };
};

/** The most probable class of the first row, where there is a row of classes. */
const judgedColumn = (data: Float32Array | Float64Array, width: number): number => {
  let best = 0;
  for (let column = 1; column < width; column += 1) if ((data[column] ?? 0) > (data[best] ?? 0)) best = column;
  return best;
};

/** Throws EXPLANATION_UNSUPPORTED for an output without one or more floating-point values per row. */
export const readOcclusion = (
  manifest: BundleManifest,
  { names, output }: OcclusionPlan,
  outputs: Tensors,
): Occlusion => {
  const data = outputs[output]?.data;
  const rows = names.length + 1;
  if (!(data instanceof Float32Array || data instanceof Float64Array) || data.length === 0 || data.length % rows !== 0)
    throw unsupported(manifest, `output ${output} has no score for each row`);
  const width = data.length / rows;
  const column = judgedColumn(data, width);
  const score = data[column] ?? 0;
  const changes = names.map((name, feature): [string, number] => [
    name,
    score - (data[(feature + 1) * width + column] ?? 0),
  ]);
  return { outputs: sliceRows(outputs, 0, 1), score, changes: Object.fromEntries(changes) };
};
