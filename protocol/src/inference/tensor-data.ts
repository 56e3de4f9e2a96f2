/** The data of tensors in memory. Needs nothing, so that an engine process starts without the schemas of the wire. */

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
export type Datatype = (typeof DATATYPES)[number];

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
