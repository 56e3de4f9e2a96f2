/** Tensors in JSON files of a bundle: golden vectors hold them exactly. */
import { DATATYPES, elementCount, type Tensor, type TensorData } from '@shoal/protocol/wire';
import { z } from 'zod';

const element = z.union([z.number(), z.boolean(), z.string()]);

/** `data` is row-major: numbers, strings for 64-bit integers and BYTES (UTF-8), booleans for BOOL, `"NaN"` and `"Infinity"` as strings. */
export const storedTensorSchema = z
  .strictObject({ datatype: z.enum(DATATYPES), shape: z.array(z.int().min(0)).max(16), data: z.array(element) })
  .refine(({ shape, data }) => elementCount(shape) === data.length, 'data does not fill the shape');
export type StoredTensor = z.infer<typeof storedTensorSchema>;

const numbersOf = (data: StoredTensor['data']): number[] => data.map(Number);
const bigintsOf = (data: StoredTensor['data']): bigint[] => data.map((value) => BigInt(value));

const DECODERS: Readonly<Record<StoredTensor['datatype'], (data: StoredTensor['data']) => TensorData>> = {
  BOOL: (data) => Uint8Array.from(data, (value) => (value === true || value === 1 ? 1 : 0)),
  UINT8: (data) => Uint8Array.from(numbersOf(data)),
  UINT16: (data) => Uint16Array.from(numbersOf(data)),
  UINT32: (data) => Uint32Array.from(numbersOf(data)),
  UINT64: (data) => BigUint64Array.from(bigintsOf(data)),
  INT8: (data) => Int8Array.from(numbersOf(data)),
  INT16: (data) => Int16Array.from(numbersOf(data)),
  INT32: (data) => Int32Array.from(numbersOf(data)),
  INT64: (data) => BigInt64Array.from(bigintsOf(data)),
  FP16: (data) => Uint16Array.from(numbersOf(data)),
  FP32: (data) => Float32Array.from(numbersOf(data)),
  FP64: (data) => Float64Array.from(numbersOf(data)),
  BYTES: (data) => data.map((value) => new TextEncoder().encode(String(value))),
};

export const tensorFromStored = ({ datatype, shape, data }: StoredTensor): Tensor => ({
  datatype,
  shape,
  data: DECODERS[datatype](data),
});

const storedElement = (value: number | bigint | Uint8Array): number | string => {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'number') return new TextDecoder().decode(value);
  return Number.isFinite(value) ? value : String(value);
};

/** The inverse of `tensorFromStored`; a float32 keeps its exact value as a double. */
export const tensorToStored = ({ datatype, shape, data }: Tensor): StoredTensor => ({
  datatype,
  shape: [...shape],
  data: Array.from<number | bigint | Uint8Array, number | string>(data, storedElement),
});
