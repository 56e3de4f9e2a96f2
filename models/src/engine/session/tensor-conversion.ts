/** Between protocol tensors and onnxruntime's. */
import type { Datatype, Tensor, TensorData, TensorSpec } from '@shoal/protocol/wire';
import { ModelError } from '../../errors.ts';
import type { OrtData, OrtMetadata, OrtRuntime, OrtTensor } from './ort-runtime.ts';

const ORT_TYPES: Readonly<Record<Datatype, string>> = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};

const isDatatype = (name: string): name is Datatype => Object.hasOwn(ORT_TYPES, name);
const datatypeOf = (type: string): Datatype | null =>
  Object.keys(ORT_TYPES)
    .filter(isDatatype)
    .find((datatype) => ORT_TYPES[datatype] === type) ?? null;

const isBytes = (data: TensorData): data is readonly Uint8Array[] => Array.isArray(data);

/** Strings of the runtime are text: what is none is refused, never changed. A byte order mark is part of the text. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const stringOf = (element: Uint8Array, name: string, index: number): string => {
  try {
    return decoder.decode(element);
  } catch (cause) {
    throw new ModelError('INPUT_BYTES_NOT_UTF8', `Input ${name}[${index}] is not UTF-8 text`, { cause });
  }
};

/** Vector instructions sum in an order that depends on where the memory begins: the same input must give the same bits whatever message brought it. */
const ALIGNMENT = 16;

const aligned = <A extends Exclude<TensorData, readonly Uint8Array[]>>(data: A): A =>
  data.byteOffset % ALIGNMENT === 0 ? data : (data.slice() as A);

/** Throws INPUT_BYTES_NOT_UTF8. */
export const toOrt = (runtime: OrtRuntime, name: string, { datatype, shape, data }: Tensor): OrtTensor => {
  const content: OrtData = isBytes(data) ? data.map((element, index) => stringOf(element, name, index)) : aligned(data);
  return runtime.createTensor(ORT_TYPES[datatype], content, shape);
};

/** Copies, because the runtime may own the memory. Throws TypeError for a type the protocol has not. */
export const fromOrt = ({ type, dims, data }: OrtTensor): Tensor => {
  const datatype = datatypeOf(type);
  if (datatype === null) throw new TypeError(`The model answers ${type}, which has no datatype on the wire`);
  const encoder = new TextEncoder();
  const content: TensorData = data instanceof Array ? data.map((item) => encoder.encode(item)) : data.slice();
  return { datatype, shape: [...dims], data: content };
};

/** A free dimension is a name, and one without a name -1, which onnxruntime-web gives as an unsigned number. */
const dimensionOf = (size: number | string): number =>
  typeof size === 'number' && size >= 0 && size <= 0x7fff_ffff ? size : -1;

/** Throws TypeError for a value that is no tensor of a known type. */
export const specOf = ({ name, isTensor, type, shape }: OrtMetadata): TensorSpec => {
  const datatype = isTensor && type !== undefined ? datatypeOf(type) : null;
  if (datatype === null) throw new TypeError(`${name} is ${type ?? 'no tensor'}, which has no datatype on the wire`);
  return { name, datatype, shape: (shape ?? []).map(dimensionOf) };
};
