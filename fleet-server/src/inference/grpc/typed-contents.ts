/** Tensor data in the typed fields of gRPC: which field holds a datatype, and each element checked against its range. */
import { elementCount, ProtocolError, type Datatype, type NamedTensor, type TensorData } from '@shoal/protocol';
import type { GrpcContents } from './grpc-messages.ts';

type Field = keyof GrpcContents;

const FIELDS: Readonly<Record<Exclude<Datatype, 'FP16'>, Field>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

type Header = Pick<NamedTensor, 'name' | 'datatype' | 'shape'>;

/** Narrow integers travel as wide ones. */
const narrowed = <A extends Int8Array | Int16Array | Uint8Array | Uint16Array>(
  { name, datatype }: Header,
  values: readonly number[],
  into: A,
): A => {
  for (const [index, value] of values.entries()) {
    into[index] = value;
    if (into[index] !== value)
      throw new ProtocolError(
        'TENSOR_VALUE_INVALID',
        `Tensor "${name}"[${index}] is ${value}, which no ${datatype} is.`,
      );
  }
  return into;
};

const dataOf = (header: Header, contents: GrpcContents): TensorData => {
  const { int_contents: ints = [], uint_contents: uints = [] } = contents;
  switch (header.datatype) {
    case 'BOOL':
      return Uint8Array.from(contents.bool_contents ?? [], (value) => (value ? 1 : 0));
    case 'INT8':
      return narrowed(header, ints, new Int8Array(ints.length));
    case 'INT16':
      return narrowed(header, ints, new Int16Array(ints.length));
    case 'INT32':
      return Int32Array.from(ints);
    case 'INT64':
      return BigInt64Array.from(contents.int64_contents ?? [], BigInt);
    case 'UINT8':
      return narrowed(header, uints, new Uint8Array(uints.length));
    case 'UINT16':
      return narrowed(header, uints, new Uint16Array(uints.length));
    case 'UINT32':
      return Uint32Array.from(uints);
    case 'UINT64':
      return BigUint64Array.from(contents.uint64_contents ?? [], BigInt);
    case 'FP32':
      return Float32Array.from(contents.fp32_contents ?? []);
    case 'FP64':
      return Float64Array.from(contents.fp64_contents ?? []);
    case 'BYTES':
      return [...(contents.bytes_contents ?? [])];
    case 'FP16':
      throw new ProtocolError('TENSOR_DATA_MISSING', `Tensor "${header.name}" is FP16; send raw_input_contents.`);
  }
};

/** @throws ProtocolError TENSOR_DATA_MISSING | TENSOR_SIZE_MISMATCH | TENSOR_VALUE_INVALID */
export const readContents = (header: Header, contents: GrpcContents): TensorData => {
  const { name, datatype, shape } = header;
  const filled = (Object.keys(contents) as Field[]).filter((field) => (contents[field]?.length ?? 0) > 0);
  const stray = filled.find((field) => datatype === 'FP16' || field !== FIELDS[datatype]);
  const data = dataOf(header, contents);
  if (stray !== undefined)
    throw new ProtocolError('TENSOR_DATA_MISSING', `Tensor "${name}" is ${datatype} and has its data in ${stray}.`);
  if (data.length === elementCount(shape)) return data;
  const needs = `${datatype} of shape [${shape.join()}] needs ${elementCount(shape)}`;
  throw new ProtocolError('TENSOR_SIZE_MISMATCH', `Tensor "${name}" has ${data.length} elements, ${needs}.`);
};

/** Not for FP16. */
export const writeContents = ({ datatype, data }: NamedTensor): GrpcContents => {
  if (datatype === 'FP16') throw new TypeError('FP16 has no typed contents');
  if (datatype === 'BYTES') return { bytes_contents: [...data] as Uint8Array[] };
  const elements = [...(data as Iterable<number | bigint>)];
  if (datatype === 'BOOL') return { bool_contents: elements.map((value) => value === 1) };
  if (datatype === 'INT64' || datatype === 'UINT64') return { [FIELDS[datatype]]: elements.map(String) };
  return { [FIELDS[datatype]]: elements as number[] };
};
