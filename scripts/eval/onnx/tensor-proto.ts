/** ONNX TensorProto files become tensors of the Open Inference Protocol (onnx.proto: TensorProto). */
import { elementCount, type Datatype, type NamedTensor, type TensorData } from '@shoal/protocol';
import { fieldsOf, packedBytesOf, textOf, varintsOf, type Field } from './protobuf.ts';

/** TensorProto.DataType by number; the others have no datatype on the wire. */
export const DATATYPE_BY_NUMBER: ReadonlyMap<number, Datatype> = new Map([
  [1, 'FP32'],
  [2, 'UINT8'],
  [3, 'INT8'],
  [4, 'UINT16'],
  [5, 'INT16'],
  [6, 'INT32'],
  [7, 'INT64'],
  [8, 'BYTES'],
  [9, 'BOOL'],
  [10, 'FP16'],
  [11, 'FP64'],
  [12, 'UINT32'],
  [13, 'UINT64'],
]);

const DIMS = 1;
const DATA_TYPE = 2;
const FLOAT_DATA = 4;
const INT32_DATA = 5;
const STRING_DATA = 6;
const INT64_DATA = 7;
const NAME = 8;
const RAW_DATA = 9;
const DOUBLE_DATA = 10;
const UINT64_DATA = 11;

type Fixed = Exclude<Datatype, 'BYTES'>;

const overBytes: Readonly<Record<Fixed, (buffer: ArrayBuffer) => TensorData>> = {
  BOOL: (buffer) => new Uint8Array(buffer),
  UINT8: (buffer) => new Uint8Array(buffer),
  UINT16: (buffer) => new Uint16Array(buffer),
  UINT32: (buffer) => new Uint32Array(buffer),
  UINT64: (buffer) => new BigUint64Array(buffer),
  INT8: (buffer) => new Int8Array(buffer),
  INT16: (buffer) => new Int16Array(buffer),
  INT32: (buffer) => new Int32Array(buffer),
  INT64: (buffer) => new BigInt64Array(buffer),
  FP16: (buffer) => new Uint16Array(buffer),
  FP32: (buffer) => new Float32Array(buffer),
  FP64: (buffer) => new Float64Array(buffer),
};

const bufferOf = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

/** Negative int32 values are ten-byte varints: the low bits are the value. */
const int32Numbers = (fields: readonly Field[]): number[] =>
  varintsOf(fields, INT32_DATA).map((value) => Number(BigInt.asIntN(32, value)));

const typedData = (datatype: Fixed, fields: readonly Field[]): TensorData => {
  switch (datatype) {
    case 'FP32':
      return overBytes.FP32(bufferOf(packedBytesOf(fields, FLOAT_DATA, 4)));
    case 'FP64':
      return overBytes.FP64(bufferOf(packedBytesOf(fields, DOUBLE_DATA, 8)));
    case 'INT64':
      return BigInt64Array.from(varintsOf(fields, INT64_DATA), (value) => BigInt.asIntN(64, value));
    case 'UINT64':
      return BigUint64Array.from(varintsOf(fields, UINT64_DATA));
    case 'UINT32':
      return Uint32Array.from(varintsOf(fields, UINT64_DATA), Number);
    case 'INT32':
      return Int32Array.from(int32Numbers(fields));
    case 'INT16':
      return Int16Array.from(int32Numbers(fields));
    case 'INT8':
      return Int8Array.from(int32Numbers(fields));
    case 'UINT16':
    case 'FP16':
      return Uint16Array.from(int32Numbers(fields));
    case 'UINT8':
    case 'BOOL':
      return Uint8Array.from(int32Numbers(fields));
  }
};

/** Throws RangeError for a type without a datatype on the wire, or data that does not fill the shape. */
export const readTensorProto = (bytes: Uint8Array): NamedTensor => {
  const fields = fieldsOf(bytes);
  const number = Number(varintsOf(fields, DATA_TYPE).at(-1) ?? 0n);
  const datatype = DATATYPE_BY_NUMBER.get(number);
  if (datatype === undefined) throw new RangeError(`data type ${number}`);
  const shape = varintsOf(fields, DIMS).map(Number);
  const raw = fields.findLast((field) => field.number === RAW_DATA);
  const strings = fields.filter((field) => field.number === STRING_DATA).map((field) => new Uint8Array(field.bytes));
  const data =
    datatype === 'BYTES'
      ? strings
      : raw === undefined
        ? typedData(datatype, fields)
        : overBytes[datatype](bufferOf(raw.bytes));
  if (data.length !== elementCount(shape)) throw new RangeError(`${data.length} elements for [${shape.join()}]`);
  return { name: textOf(fields, NAME), datatype, shape, data };
};
