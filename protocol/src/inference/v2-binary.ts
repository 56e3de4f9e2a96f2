/** Tensor data as the binary tensor extension carries it: little-endian, row-major, BYTES as a u32 length and the bytes of each element. */
import { ProtocolError } from '../errors.ts';
import {
  elementBytes,
  fixedDataOver,
  isFixed,
  isFixedData,
  type FixedDatatype,
  type TensorData,
} from './tensor-data.ts';
import { announcedCount, type TensorHeader } from './tensors.ts';

/** Before each element of a BYTES tensor. */
const LENGTH_BYTES = 4;

/** Bytes that a tensor takes as binary data. */
export const binaryDataSize = (data: TensorData): number => {
  if (isFixedData(data)) return data.byteLength;
  let size = 0;
  for (const element of data) size += LENGTH_BYTES + element.length;
  return size;
};

/** Writes a tensor from `offset` on, where it has `binaryDataSize` bytes. Typed arrays are little-endian as their host is. */
export const writeBinaryData = (data: TensorData, into: Uint8Array, offset: number): void => {
  if (isFixedData(data)) {
    into.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    return;
  }
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  let position = offset;
  for (const element of data) {
    view.setUint32(position, element.length, true);
    into.set(element, position + LENGTH_BYTES);
    position += LENGTH_BYTES + element.length;
  }
};

const sizeFault = ({ name, datatype, shape }: TensorHeader, got: string): ProtocolError =>
  new ProtocolError(
    'TENSOR_SIZE_MISMATCH',
    `Tensor "${name}" has ${got}, ${datatype} of shape [${shape.join()}] needs otherwise.`,
  );

/** Where the bytes happen to be aligned they are used in place, otherwise copied. */
const readFixed = (datatype: FixedDatatype, section: Uint8Array): TensorData => {
  const isAligned = section.byteOffset % elementBytes(datatype) === 0;
  return fixedDataOver(datatype, isAligned ? section : new Uint8Array(section));
};

const checkBooleans = (tensor: TensorHeader, section: Uint8Array): void => {
  for (let index = 0; index < section.length; index += 1) {
    const byte = section[index] as number;
    if (byte > 1)
      throw new ProtocolError(
        'TENSOR_VALUE_INVALID',
        `Tensor "${tensor.name}"[${index}] is ${byte}; a BOOL is 0 or 1.`,
      );
  }
};

const readBytes = (tensor: TensorHeader, section: Uint8Array, count: number): Uint8Array[] => {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const elements: Uint8Array[] = [];
  let position = 0;
  while (elements.length < count) {
    const left = section.length - position - LENGTH_BYTES;
    const length = left < 0 ? -1 : view.getUint32(position, true);
    if (length < 0 || length > left) throw sizeFault(tensor, `bytes for ${elements.length} elements`);
    position += LENGTH_BYTES;
    elements.push(new Uint8Array(section.buffer, section.byteOffset + position, length));
    position += length;
  }
  if (position < section.length) throw sizeFault(tensor, `${section.length - position} bytes too many`);
  return elements;
};

/**
 * The tensor that `section` holds from its first to its last byte; the result may share its memory.
 * @throws ProtocolError TENSOR_SHAPE_INVALID | TENSOR_SIZE_MISMATCH | TENSOR_VALUE_INVALID | INFERENCE_TOO_LARGE
 */
export const readBinaryData = (tensor: TensorHeader, section: Uint8Array): TensorData => {
  const { datatype } = tensor;
  const count = announcedCount(tensor);
  if (!isFixed(datatype)) return readBytes(tensor, section, count);
  if (section.length !== count * elementBytes(datatype)) throw sizeFault(tensor, `${section.length} bytes`);
  if (datatype === 'BOOL') checkBooleans(tensor, section);
  return readFixed(datatype, section);
};
