/** Tensors of an ONNX file: their shape and what they hold, and the values of small ones that may be sizes. */
import {
  elementBits,
  elementName,
  elementsOf,
  type OnnxSparseTensorFacts,
  type OnnxTensorFacts,
} from './onnx-model.ts';
import type { PartsReader } from './onnx-parts.ts';
import { malformed, type Field } from './protobuf-walk.ts';

/** Tensors with more elements are no shapes. */
const MAX_KEPT = 64;
const MAX_RANK = 64;
const RAW_DATA = 9;
const EXTERNAL = 1;

type RawReader = (view: DataView, at: number) => number;
/** What may tell a size, by data type. */
const RAW_READERS: Readonly<Record<number, RawReader>> = {
  1: (view, at) => view.getFloat32(at, true),
  2: (view, at) => view.getUint8(at),
  3: (view, at) => view.getInt8(at),
  4: (view, at) => view.getUint16(at, true),
  5: (view, at) => view.getInt16(at, true),
  6: (view, at) => view.getInt32(at, true),
  7: (view, at) => Number(view.getBigInt64(at, true)),
  11: (view, at) => view.getFloat64(at, true),
  12: (view, at) => view.getUint32(at, true),
  13: (view, at) => Number(view.getBigUint64(at, true)),
};

const rawElements = (view: DataView, dataType: number, count: number): number[] | null => {
  const read = RAW_READERS[dataType];
  const width = (elementBits(dataType) ?? 0) / 8;
  if (read === undefined || view.byteLength !== count * width) return null;
  return Array.from({ length: count }, (_, i) => read(view, i * width));
};

/** The fewest bytes of content that so many elements can take; a varint takes one at least, and holds at most two nibbles. */
const leastBytes = (elements: number, dataType: number, isRaw: boolean): number => {
  const bits = elementBits(dataType) ?? 0;
  if (isRaw) return Math.ceil((elements * bits) / 8);
  return bits === 0 ? 0 : Math.ceil((elements * Math.min(bits, 8)) / 8);
};

const check = (tensor: OnnxTensorFacts, isSegment: boolean): OnnxTensorFacts => {
  const { name, dataType, shape, heldBytes, isRaw, isExternal } = tensor;
  const what = `the tensor ${JSON.stringify(name)}`;
  if (elementBits(dataType) === null) throw malformed(`${what} has the unknown data ${elementName(dataType)}`);
  if (shape.some((size) => size < 0)) throw malformed(`${what} has the shape [${shape.join()}]`);
  if (isSegment) throw malformed(`${what} is one segment of a tensor`);
  const elements = elementsOf(shape);
  const least = leastBytes(elements, dataType, isRaw);
  const isShort = isRaw ? heldBytes !== least : heldBytes < least;
  if (!isExternal && isShort)
    throw malformed(`${what} declares ${elements} elements of ${elementName(dataType)} and holds ${heldBytes} bytes`);
  return tensor;
};

/** TensorProto: dims 1, data_type 2, segment 3, data 4–7 and 10–11, name 8, raw_data 9, external_data 13, data_location 14. */
export const readTensor = (reader: PartsReader, message: Field): OnnxTensorFacts => {
  const found = { name: '', dataType: 0, heldBytes: 0, isRaw: false, isExternal: false };
  const shape: number[] = [];
  const elements: number[] = [];
  let raw: Field | null = null;
  let isSegment = false;
  for (const part of reader.fields(message)) {
    switch (part.number) {
      case 1:
        reader.integers(part, shape, MAX_RANK + 1);
        break;
      case 2:
        found.dataType = reader.integer(part);
        break;
      case 3:
        isSegment = true;
        break;
      case 4:
        found.heldBytes += part.end - part.start;
        reader.floats(part, elements, MAX_KEPT + 1);
        break;
      case 5:
      case 7:
      case 11:
        found.heldBytes += part.end - part.start;
        reader.integers(part, elements, MAX_KEPT + 1);
        break;
      case 6:
        found.heldBytes += part.end - part.start;
        break;
      case 8:
        found.name = reader.text(part);
        break;
      case RAW_DATA:
        raw = reader.message(part);
        break;
      case 10:
        found.heldBytes += part.end - part.start;
        reader.doubles(part, elements, MAX_KEPT + 1);
        break;
      case 13:
        found.isExternal = true;
        break;
      case 14:
        found.isExternal ||= reader.integer(part) === EXTERNAL;
        break;
      default:
        break;
    }
  }
  if (shape.length > MAX_RANK) throw malformed(`a tensor has more than ${MAX_RANK} dimensions`);
  const count = elementsOf(shape);
  const isSmall = count <= MAX_KEPT;
  if (raw === null) {
    const kept = isSmall && elements.length === count ? elements : null;
    return check({ ...found, shape, elements: kept }, isSegment);
  }
  const view = reader.view(raw);
  const kept = isSmall ? rawElements(view, found.dataType, count) : null;
  return check({ ...found, shape, isRaw: true, heldBytes: view.byteLength, elements: kept }, isSegment);
};

/** SparseTensorProto: values 1, indices 2, dims 3. */
export const readSparseTensor = (reader: PartsReader, message: Field): OnnxSparseTensorFacts => {
  const shape: number[] = [];
  let values: OnnxTensorFacts | null = null;
  let indices: OnnxTensorFacts | null = null;
  for (const part of reader.fields(message)) {
    if (part.number === 1) values = readTensor(reader, reader.message(part));
    else if (part.number === 2) indices = readTensor(reader, reader.message(part));
    else if (part.number === 3) reader.integers(part, shape, MAX_RANK + 1);
  }
  if (shape.length > MAX_RANK) throw malformed(`a sparse tensor has more than ${MAX_RANK} dimensions`);
  return { shape, values, indices };
};
