/** Splits a batch into its rows and joins answers of rows again. */
import type { Tensor, TensorData, Tensors } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';

type Signature = BundleManifest['signature'];

/** Whether the first dimension of every input and output is free: then it is taken for the batch. */
export const hasFreeRows = (signature: Signature): boolean =>
  [...signature.inputs, ...signature.outputs].every(({ shape }) => shape[0] === -1);

/** Rows of a request whose every input and output has a free first dimension; 1 for anything that cannot be split. */
export const rowCount = (inputs: Tensors, signature: Signature): number => {
  const splittable = hasFreeRows(signature);
  const counts = new Set(Object.values(inputs).map(({ shape }) => shape[0]));
  const [count] = counts;
  return splittable && counts.size === 1 && count !== undefined && count > 1 ? count : 1;
};

const sliceTensor = ({ datatype, shape, data }: Tensor, from: number, to: number): Tensor => {
  const width = data.length / (shape[0] ?? 1);
  return { datatype, shape: [to - from, ...shape.slice(1)], data: data.slice(from * width, to * width) };
};

/** Copies of the rows `from` to before `to` of tensors that have at least one row. */
export const sliceRows = (tensors: Tensors, from: number, to: number): Tensors => {
  const sliced: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(tensors)) sliced[name] = sliceTensor(tensor, from, to);
  return sliced;
};

/** Tensors of one row each, in order; the request itself when it cannot be split. */
export const splitRows = (inputs: Tensors, signature: Signature): Tensors[] => {
  const count = rowCount(inputs, signature);
  return count === 1 ? [inputs] : Array.from({ length: count }, (_, row) => sliceRows(inputs, row, row + 1));
};

const joinData = (parts: readonly TensorData[]): TensorData => {
  const [first] = parts;
  if (first === undefined || first instanceof Array)
    return parts.flatMap((part) => (part instanceof Array ? part : []));
  const total = parts.reduce((length, part) => length + part.length, 0);
  const joined = Reflect.construct(first.constructor as new (length: number) => Float32Array, [total]) as Float32Array;
  let offset = 0;
  for (const part of parts) {
    joined.set(part as Float32Array, offset);
    offset += part.length;
  }
  return joined;
};

const joinTensors = (parts: readonly Tensor[]): Tensor | null => {
  const [first] = parts;
  if (first === undefined) return null;
  const count = parts.reduce((total, { shape }) => total + (shape[0] ?? 0), 0);
  return {
    datatype: first.datatype,
    shape: [count, ...first.shape.slice(1)],
    data: joinData(parts.map(({ data }) => data)),
  };
};

/** Tensors of the same names, one after the other along the first dimension; the inverse of `splitRows` for outputs. */
export const joinRows = (rows: readonly Tensors[]): Tensors => {
  const joined: Record<string, Tensor> = {};
  for (const name of Object.keys(rows[0] ?? {})) {
    const tensor = joinTensors(rows.flatMap((row) => row[name] ?? []));
    if (tensor !== null) joined[name] = tensor;
  }
  return joined;
};
