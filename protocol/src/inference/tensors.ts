/** Tensors as both sides hold them: typed arrays with a shape, in the datatypes of the Open Inference Protocol v2. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { ProtocolError } from '../errors.ts';
import type { JsonObject } from '../twin.ts';

/** OIP v2 "Tensor Data Types". */
export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
] as const;

export const datatypeSchema = z.enum(DATATYPES).meta({ id: 'Datatype' });
export type Datatype = z.infer<typeof datatypeSchema>;

/**
 * Row-major data of one tensor. BOOL is one byte per element (0 or 1); FP16 holds the raw 16-bit pattern;
 * (U)INT64 is exact; BYTES is one `Uint8Array` per element.
 */
export type TensorData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | readonly Uint8Array[];

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

/** The arrays that hold a datatype; BYTES is a list of its own. */
const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

export type FixedDatatype = Exclude<Datatype, 'BYTES'>;
/** Everything but BYTES: elements of one size, packed. */
export type FixedData = Exclude<TensorData, readonly Uint8Array[]>;

export const isFixed = (datatype: Datatype): datatype is FixedDatatype => datatype !== 'BYTES';
export const isFixedData = (data: TensorData): data is FixedData => ArrayBuffer.isView(data);

/** Bytes of one element, in memory and as binary data. */
export const elementBytes = (datatype: FixedDatatype): number => ARRAYS[datatype].BYTES_PER_ELEMENT;

/** The array whose memory is `bytes`, which must be aligned to the element and hold whole elements. */
export const fixedDataOver = (datatype: FixedDatatype, bytes: Uint8Array): FixedData =>
  new ARRAYS[datatype](bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / elementBytes(datatype));

/** Whether `data` is the array that holds `datatype`. */
export const holdsDatatype = (datatype: Datatype, data: TensorData): boolean =>
  isFixed(datatype)
    ? data instanceof ARRAYS[datatype]
    : Array.isArray(data) && data.every((element) => element instanceof Uint8Array);

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
