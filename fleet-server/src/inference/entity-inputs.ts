/** Where the features of an entity go in the inputs of a model, and what of them a request brings itself. */
import { ModelError, type BundleManifest } from '@shoal/models';
import type { FeatureValue, Tensor, Tensors, TensorSpec } from '@shoal/protocol';

/** The one FP32 input [-1, features] that the vector of the bundle fills; undefined when none or several could take it. */
export const entityInput = ({ signature, entityView }: BundleManifest): TensorSpec | undefined => {
  const fitting = signature.inputs.filter(
    ({ datatype, shape: [rows, width, ...more] }) =>
      datatype === 'FP32' && rows === -1 && more.length === 0 && width === entityView?.features.length,
  );
  return fitting.length === 1 ? fitting[0] : undefined;
};

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Throws INPUT_SHAPE_INVALID for other than one element, INPUT_BYTES_NOT_UTF8. */
const valueOf = (name: string, { datatype, data }: Tensor): FeatureValue => {
  const [value, ...others] = data;
  if (value === undefined || others.length > 0)
    throw new ModelError('INPUT_SHAPE_INVALID', `Feature ${name} of an entity is one element`);
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return datatype === 'BOOL' ? value === 1 : value;
  try {
    return decoder.decode(value);
  } catch (cause) {
    throw new ModelError('INPUT_BYTES_NOT_UTF8', `Feature ${name} is not UTF-8`, { cause });
  }
};

export interface SplitInputs {
  /** Inputs of the model that the request brings. */
  readonly own: Tensors;
  /** Features that the request brings, one element each, by the name the vector has for them. */
  readonly overrides: Readonly<Record<string, FeatureValue>>;
}

const NOTHING: SplitInputs = Object.freeze({ own: {}, overrides: {} });

/** Inputs that are none of the model's are features. Throws as `valueOf`. */
export const splitInputs = ({ signature }: BundleManifest, inputs: Tensors): SplitInputs => {
  if (Object.keys(inputs).length === 0) return NOTHING;
  const declared = new Set(signature.inputs.map(({ name }) => name));
  const entries = Object.entries(inputs);
  return {
    own: Object.fromEntries(entries.filter(([name]) => declared.has(name))),
    overrides: Object.fromEntries(
      entries.filter(([name]) => !declared.has(name)).map(([name, tensor]) => [name, valueOf(name, tensor)]),
    ),
  };
};

/** One row. */
export const vectorTensor = (vector: readonly number[]): Tensor => ({
  datatype: 'FP32',
  shape: [1, vector.length],
  data: new Float32Array(vector),
});
