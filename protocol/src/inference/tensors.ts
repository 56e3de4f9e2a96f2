/** Tensors as both sides hold them: typed arrays with a shape, in the datatypes of the Open Inference Protocol v2. */
import { z } from 'zod';

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

/** `shape: []` is a scalar with one element; a zero in `shape` makes an empty tensor. */
export interface Tensor {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** By tensor name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A tensor as a model declares it; `-1` in `shape` is a dimension free at run time. */
export const tensorSpecSchema = z
  .strictObject({
    name: z.string().min(1).max(256),
    datatype: datatypeSchema,
    shape: z.array(z.int().min(-1)).max(16),
  })
  .meta({ id: 'TensorSpec' });
export type TensorSpec = z.infer<typeof tensorSpecSchema>;

/** Elements a shape holds; 1 for a scalar. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((count, size) => count * size, 1);
