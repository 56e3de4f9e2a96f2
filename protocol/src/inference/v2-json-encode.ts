/** Tensor data into JSON text: every value in the fewest digits that read back as the same element of its datatype. */
import { ProtocolError } from '../errors.ts';
import { float16ToNumber } from './float16.ts';
import { shortestDoubles } from './float32-digits.ts';
import { isFixedData } from './tensor-data.ts';
import type { NamedTensor } from './tensors.ts';

/** What becomes of NaN and infinities, for which JSON has no number. */
export type NonFinite = 'refuse' | 'string';

const bytesFault = (name: string, index: number, cause: unknown): ProtocolError =>
  new ProtocolError('TENSOR_BYTES_NOT_UTF8', `Tensor "${name}"[${index}] is no UTF-8 text; ask for binary data.`, {
    cause,
  });

/** A byte order mark is part of the element. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const stringsText = (name: string, elements: readonly Uint8Array[]): string => {
  const strings: string[] = [];
  for (const element of elements) {
    try {
      strings.push(decoder.decode(element));
    } catch (cause) {
      throw bytesFault(name, strings.length, cause);
    }
  }
  return JSON.stringify(strings);
};

const booleansText = (values: Uint8Array): string => {
  let text = '';
  for (let index = 0; index < values.length; index += 1) text += values[index] === 0 ? ',false' : ',true';
  return `[${text.slice(1)}]`;
};

const isSpecial = (value: number): boolean => !Number.isFinite(value) || Object.is(value, -0);

/** `JSON.stringify` writes -0 as 0 and what is not finite as null. */
const specialText = (value: number, nonFinite: NonFinite): string | null => {
  if (value === 0) return '-0';
  return nonFinite === 'string' ? `"${value}"` : null;
};

/** Elements from `start` to before `end`, without brackets: one call is several times faster than a string for each. */
const runText = (values: Float64Array, start: number, end: number): string => {
  const run: unknown[] = [];
  for (let index = start; index < end; index += 1) run.push(values[index]);
  return JSON.stringify(run).slice(1, -1);
};

/** Runs of ordinary numbers go to `JSON.stringify` as a whole. */
const floatsText = (values: Float64Array, name: string, nonFinite: NonFinite): string => {
  const runs: string[] = [];
  let start = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    if (!isSpecial(value)) continue;
    const written = specialText(value, nonFinite);
    if (written === null)
      throw new ProtocolError(
        'TENSOR_NOT_FINITE',
        `Tensor "${name}"[${index}] is ${value}, for which JSON has no number; set parameters.non_finite to "string", or ask for binary.`,
      );
    if (index > start) runs.push(runText(values, start, index));
    runs.push(written);
    start = index + 1;
  }
  if (values.length > start) runs.push(runText(values, start, values.length));
  return `[${runs.join()}]`;
};

const fromHalves = (patterns: Uint16Array): Float64Array => {
  const numbers = new Float64Array(patterns.length);
  for (let index = 0; index < patterns.length; index += 1) numbers[index] = float16ToNumber(patterns[index] as number);
  return numbers;
};

/**
 * A flat JSON array, row-major: FP32 in the fewest digits that tell it from other float32 values, FP16 and FP64 as
 * the doubles they are, -0 kept, 64-bit integers with all digits, BYTES as strings.
 * @throws ProtocolError TENSOR_NOT_FINITE | TENSOR_BYTES_NOT_UTF8
 */
export const tensorDataToJson = ({ name, datatype, data }: NamedTensor, nonFinite: NonFinite): string => {
  if (!isFixedData(data)) return stringsText(name, data);
  if (datatype === 'BOOL' && data instanceof Uint8Array) return booleansText(data);
  if (datatype === 'FP16' && data instanceof Uint16Array) return floatsText(fromHalves(data), name, nonFinite);
  if (data instanceof Float32Array) return floatsText(shortestDoubles(data), name, nonFinite);
  if (data instanceof Float64Array) return floatsText(data, name, nonFinite);
  return `[${data.join()}]`;
};
