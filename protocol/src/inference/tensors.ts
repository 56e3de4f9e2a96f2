/** Tensors as both sides hold them: typed arrays with a shape, in the datatypes of the Open Inference Protocol v2. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { ProtocolError } from '../errors.ts';
import type { JsonObject } from '../twin.ts';
import { DATATYPES, holdsDatatype, isFixed, type Datatype, type TensorData } from './tensor-data.ts';

export const datatypeSchema = z.enum(DATATYPES).meta({ id: 'Datatype' });

/** What a tensor is, without what it holds. */
export interface TensorType {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** `shape: []` is a scalar with one element; a zero in `shape` makes an empty tensor. */
export interface Tensor extends TensorType {
  readonly data: TensorData;
}

/** What a message says of a tensor before its data. */
export interface TensorHeader extends TensorType {
  readonly name: string;
}

/** A tensor as a message carries it, with what its sender says about it. */
export interface NamedTensor extends Tensor {
  readonly name: string;
  readonly parameters?: JsonObject;
}

/** By tensor name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A tensor as a model declares it; `-1` in `shape` is a dimension free at run time. */
export const tensorSpecSchema = z
  .strictObject({
    name: z.string().min(1).max(256),
    datatype: datatypeSchema,
    shape: z.array(z.int().min(-1)).max(BOUNDS.tensorRank),
  })
  .meta({ id: 'TensorSpec' });
export type TensorSpec = z.infer<typeof tensorSpecSchema>;

/** Elements a shape holds; 1 for a scalar. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((count, size) => count * size, 1);

/** Tensors of a message by name, as engines take them. */
export const tensorsByName = (tensors: readonly NamedTensor[]): Tensors =>
  Object.fromEntries(tensors.map(({ name, datatype, shape, data }) => [name, { datatype, shape, data }]));

const MAX_COUNT: Readonly<Record<'fixed' | 'BYTES', number>> = {
  fixed: BOUNDS.inferenceBytes,
  BYTES: BOUNDS.bytesElements,
};

/**
 * Elements a shape off the wire announces, checked before anything is allocated for them.
 * @throws ProtocolError TENSOR_SHAPE_INVALID | INFERENCE_TOO_LARGE
 */
export const announcedCount = ({ name, datatype, shape }: TensorHeader): number => {
  const count = elementCount(shape);
  if (!Number.isSafeInteger(count))
    throw new ProtocolError('TENSOR_SHAPE_INVALID', `Tensor "${name}" has more elements than can be counted.`);
  const most = MAX_COUNT[isFixed(datatype) ? 'fixed' : 'BYTES'];
  if (count > most)
    throw new ProtocolError(
      'INFERENCE_TOO_LARGE',
      `Tensor "${name}" has ${count} elements, ${datatype} may have ${most}; send fewer rows.`,
    );
  return count;
};

/**
 * Holds a tensor about to be sent to its datatype and shape.
 * @throws ProtocolError TENSOR_INVALID
 */
export const checkTensor = ({ name, datatype, shape, data }: NamedTensor): void => {
  if (holdsDatatype(datatype, data) && data.length === elementCount(shape)) return;
  throw new ProtocolError(
    'TENSOR_INVALID',
    `Tensor "${name}" holds ${data.length} elements in a ${data.constructor.name}, not ${datatype} of shape [${shape.join()}].`,
  );
};
