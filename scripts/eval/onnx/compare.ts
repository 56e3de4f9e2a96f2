/** When two results are the same: to the bit, or as near as two builds of one runtime come. */
import { float16ToNumber, type Tensor, type Tensors } from '@shoal/protocol';

export interface Closeness {
  readonly absolute: number;
  readonly relative: number;
}

const isFloat = ({ datatype }: Tensor): boolean => datatype.startsWith('FP');

const numberAt = ({ datatype, data }: Tensor, index: number): number =>
  datatype === 'FP16' ? float16ToNumber(Number(data[index])) : Number(data[index]);

/** NaN has many patterns and one meaning; every other element is its bits. */
const isSameElement = (actual: Tensor, wanted: Tensor, index: number): boolean => {
  const a = actual.data[index];
  const b = wanted.data[index];
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (Object.is(a, b)) return true;
  return isFloat(wanted) && Number.isNaN(numberAt(actual, index)) && Number.isNaN(numberAt(wanted, index));
};

const isCloseElement = (actual: Tensor, wanted: Tensor, index: number, { absolute, relative }: Closeness): boolean => {
  if (isSameElement(actual, wanted, index)) return true;
  if (!isFloat(wanted)) return false;
  const a = numberAt(actual, index);
  const b = numberAt(wanted, index);
  return a === b || Math.abs(a - b) <= absolute + relative * Math.abs(b);
};

const tensorDifference = (actual: Tensor | undefined, wanted: Tensor, closeness: Closeness | null): string | null => {
  if (actual === undefined) return 'is missing';
  if (actual.datatype !== wanted.datatype) return `is ${actual.datatype}, not ${wanted.datatype}`;
  if (actual.shape.join() !== wanted.shape.join()) return `is [${actual.shape.join()}], not [${wanted.shape.join()}]`;
  if (actual.data.length !== wanted.data.length) return `has ${actual.data.length} elements, not ${wanted.data.length}`;
  for (let index = 0; index < wanted.data.length; index += 1) {
    const agrees =
      closeness === null ? isSameElement(actual, wanted, index) : isCloseElement(actual, wanted, index, closeness);
    if (!agrees) return `[${index}] is ${String(actual.data[index])}, not ${String(wanted.data[index])}`;
  }
  return null;
};

/** The first difference; null when every wanted tensor is there and agrees. `closeness: null` wants the bits. */
export const difference = (actual: Tensors, wanted: Tensors, closeness: Closeness | null): string | null => {
  for (const [name, tensor] of Object.entries(wanted)) {
    const found = tensorDifference(actual[name], tensor, closeness);
    if (found !== null) return `${name} ${found}`;
  }
  return null;
};
