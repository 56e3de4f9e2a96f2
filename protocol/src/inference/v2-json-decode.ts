/** Tensor data out of JSON: flat or nested row-major elements become the typed array of their datatype, exactly or not at all. */
import { ProtocolError } from '../errors.ts';
import { numberToFloat16 } from './float16.ts';
import type { TensorData } from './tensor-data.ts';
import { announcedCount, type TensorHeader } from './tensors.ts';

type Elements = readonly unknown[];

const sizeFault = ({ name, shape }: TensorHeader): ProtocolError =>
  new ProtocolError('TENSOR_SIZE_MISMATCH', `The data of tensor "${name}" does not fill its shape [${shape.join()}].`);

const shown = (value: unknown): string =>
  typeof value === 'bigint' ? value.toString() : (JSON.stringify(value) ?? 'nothing').slice(0, 40);

const valueFault = ({ name, datatype }: TensorHeader, index: number, value: unknown): ProtocolError =>
  new ProtocolError(
    'TENSOR_VALUE_INVALID',
    `Tensor "${name}"[${index}] is ${shown(value)}, which ${datatype} cannot hold.`,
  );

const collect = (level: unknown, tensor: TensorHeader, axis: number, into: unknown[]): void => {
  if (!Array.isArray(level) || level.length !== tensor.shape[axis]) throw sizeFault(tensor);
  const elements: Elements = level;
  if (axis < tensor.shape.length - 1) {
    for (const inner of elements) collect(inner, tensor, axis + 1, into);
  } else {
    for (const element of elements) into.push(element);
  }
};

/** A scalar may come bare. Nested data must be nested just as the shape is. */
const flatten = (data: unknown, tensor: TensorHeader, count: number): Elements => {
  if (!Array.isArray(data) && tensor.shape.length === 0) return [data];
  if (Array.isArray(data) && data.length === count && !Array.isArray(data[0])) return data as Elements;
  const elements: unknown[] = [];
  collect(data, tensor, 0, elements);
  return elements;
};

/** An element that is no number never equals what is stored for it. */
const fillIntegers = <A extends Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array>(
  into: A,
  elements: Elements,
  tensor: TensorHeader,
): A => {
  for (let index = 0; index < into.length; index += 1) {
    const value = elements[index];
    into[index] = typeof value === 'number' ? value : 0;
    if (into[index] !== value) throw valueFault(tensor, index, value);
  }
  return into;
};

/** Rounded on the way from text to double already: only the digits say which integer was sent. */
const isRounded = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);

/** The plain elements when all of them are exact, which costs one look at each; otherwise those of the slow parse. */
const exactElements = (plain: Elements, fromDigits: () => Elements): Elements => {
  for (let index = 0; index < plain.length; index += 1) if (isRounded(plain[index])) return fromDigits();
  return plain;
};

const fillBigIntegers = <A extends BigUint64Array | BigInt64Array>(
  into: A,
  elements: Elements,
  tensor: TensorHeader,
): A => {
  for (let index = 0; index < into.length; index += 1) {
    const value = elements[index];
    const integer = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
    into[index] = typeof integer === 'bigint' ? integer : 0n;
    if (into[index] !== integer) throw valueFault(tensor, index, value);
  }
  return into;
};

const NON_FINITE: ReadonlyMap<unknown, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/** @throws ProtocolError TENSOR_VALUE_INVALID for what is no number either. */
const namedNumber = (tensor: TensorHeader, index: number, value: unknown): number => {
  const number = NON_FINITE.get(value);
  if (number === undefined) throw valueFault(tensor, index, value);
  return number;
};

/** A finite number that the datatype would turn into infinity is refused, not stored as something else. */
const fillFloats = <A extends Float32Array | Float64Array>(into: A, elements: Elements, tensor: TensorHeader): A => {
  for (let index = 0; index < into.length; index += 1) {
    const value = elements[index];
    if (typeof value === 'number') {
      into[index] = value;
      if (!Number.isFinite(into[index])) throw valueFault(tensor, index, value);
    } else {
      into[index] = namedNumber(tensor, index, value);
    }
  }
  return into;
};

const INFINITE_HALF = 0x7c00;

const fillHalves = (into: Uint16Array, elements: Elements, tensor: TensorHeader): Uint16Array => {
  for (let index = 0; index < into.length; index += 1) {
    const value = elements[index];
    const number = typeof value === 'number' ? value : namedNumber(tensor, index, value);
    const bits = numberToFloat16(number);
    if (typeof value === 'number' && (bits & INFINITE_HALF) === INFINITE_HALF) throw valueFault(tensor, index, value);
    into[index] = bits;
  }
  return into;
};

const fillBooleans = (into: Uint8Array, elements: Elements, tensor: TensorHeader): Uint8Array => {
  for (let index = 0; index < into.length; index += 1) {
    const value = elements[index];
    if (value === true || value === 1) into[index] = 1;
    else if (value !== false && value !== 0) throw valueFault(tensor, index, value);
  }
  return into;
};

const encoder = new TextEncoder();

const encodeStrings = (elements: Elements, tensor: TensorHeader): Uint8Array[] =>
  elements.map((value, index) => {
    if (typeof value !== 'string') throw valueFault(tensor, index, value);
    if (value.isWellFormed()) return encoder.encode(value);
    throw new ProtocolError(
      'TENSOR_BYTES_NOT_UTF8',
      `Tensor "${tensor.name}"[${index}] holds half a surrogate pair, which no UTF-8 text can; use binary data.`,
    );
  });

const fill = (tensor: TensorHeader, elements: Elements): TensorData => {
  const count = elements.length;
  switch (tensor.datatype) {
    case 'BOOL':
      return fillBooleans(new Uint8Array(count), elements, tensor);
    case 'UINT8':
      return fillIntegers(new Uint8Array(count), elements, tensor);
    case 'UINT16':
      return fillIntegers(new Uint16Array(count), elements, tensor);
    case 'UINT32':
      return fillIntegers(new Uint32Array(count), elements, tensor);
    case 'INT8':
      return fillIntegers(new Int8Array(count), elements, tensor);
    case 'INT16':
      return fillIntegers(new Int16Array(count), elements, tensor);
    case 'INT32':
      return fillIntegers(new Int32Array(count), elements, tensor);
    case 'UINT64':
      return fillBigIntegers(new BigUint64Array(count), elements, tensor);
    case 'INT64':
      return fillBigIntegers(new BigInt64Array(count), elements, tensor);
    case 'FP16':
      return fillHalves(new Uint16Array(count), elements, tensor);
    case 'FP32':
      return fillFloats(new Float32Array(count), elements, tensor);
    case 'FP64':
      return fillFloats(new Float64Array(count), elements, tensor);
    case 'BYTES':
      return encodeStrings(elements, tensor);
  }
};

/**
 * The typed array for parsed JSON. `fromDigits` gives the same data with long integers as `bigint`; it is asked for
 * only when a 64-bit integer was rounded by the plain parse.
 * @throws ProtocolError TENSOR_SHAPE_INVALID | TENSOR_SIZE_MISMATCH | TENSOR_VALUE_INVALID | TENSOR_BYTES_NOT_UTF8 | INFERENCE_TOO_LARGE
 */
export const tensorDataFromJson = (tensor: TensorHeader, data: unknown, fromDigits: () => unknown): TensorData => {
  const count = announcedCount(tensor);
  const plain = flatten(data, tensor, count);
  const isLong = tensor.datatype === 'INT64' || tensor.datatype === 'UINT64';
  return fill(tensor, isLong ? exactElements(plain, () => flatten(fromDigits(), tensor, count)) : plain);
};
