/** Walks the fields of protobuf messages in place: nothing is copied, nothing is believed before it is checked. */
import { ModelError } from '../errors.ts';

/** Wire types (protobuf encoding, "Message Structure"). The groups 3 and 4 are refused: ONNX has none. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const LENGTH_VARINT_BYTES = 5;
const VALUE_VARINT_BYTES = 10;
const TWO_32 = 4_294_967_296;

/** Of a varint: the signed value (exact up to 2^53, its size in doubt beyond) and where it ends. */
interface Varint {
  readonly value: number;
  readonly end: number;
}

export const malformed = (message: string): ModelError =>
  new ModelError('MODEL_MALFORMED', `The model file is no ONNX model: ${message}. Export or download it again.`);

/** Throws MODEL_MALFORMED for a varint that is cut off by `end` or longer than it may be. Padding is allowed, as protobuf does. */
const readVarint = (bytes: Uint8Array, at: number, end: number, maxBytes: number): Varint => {
  let low = 0;
  let high = 0;
  for (let i = 0; i < maxBytes; i += 1) {
    const position = at + i;
    if (position >= end) throw malformed(`a varint at byte ${at} is cut off`);
    const byte = bytes[position] ?? 0;
    const bits = byte & 0x7f;
    if (i < 4) low += bits * 2 ** (7 * i);
    else if (i === 4) {
      low += (bits & 0x0f) * 2 ** 28;
      high += bits >> 4;
    } else if (i === 9 && byte > 1) break;
    else high += bits * 2 ** (7 * i - 32);
    if (byte < 0x80) return { value: (high >= TWO_32 / 2 ? high - TWO_32 : high) * TWO_32 + low, end: position + 1 };
  }
  throw malformed(`a varint at byte ${at} is longer than ${maxBytes} bytes`);
};

/** One field as it lies in the file; `value` for a varint, `start` and `end` of the content for all others. */
export interface Field {
  readonly number: number;
  readonly wireType: number;
  readonly value: number;
  readonly start: number;
  readonly end: number;
}

const contentOf = (bytes: Uint8Array, tag: Varint, end: number): Field => {
  const number = Math.floor(tag.value / 8);
  const wireType = tag.value % 8;
  const at = tag.end;
  if (number === 0 || number > 0x1f_ff_ff_ff) throw malformed(`a field before byte ${at} has the number ${number}`);
  switch (wireType) {
    case VARINT: {
      const varint = readVarint(bytes, at, end, VALUE_VARINT_BYTES);
      return { number, wireType, value: varint.value, start: at, end: varint.end };
    }
    case BYTES: {
      const length = readVarint(bytes, at, end, LENGTH_VARINT_BYTES);
      if (length.value > end - length.end)
        throw malformed(
          `field ${number} at byte ${at} claims ${length.value} bytes where ${end - length.end} are left`,
        );
      return { number, wireType, value: 0, start: length.end, end: length.end + length.value };
    }
    case FIXED32:
    case FIXED64: {
      const width = wireType === FIXED32 ? 4 : 8;
      if (width > end - at) throw malformed(`field ${number} at byte ${at} is cut off`);
      return { number, wireType, value: 0, start: at, end: at + width };
    }
    default:
      throw malformed(`field ${number} at byte ${at} has wire type ${wireType}, which ONNX does not use`);
  }
};

/**
 * Throws MODEL_MALFORMED at the first that is none.
 *
 * @yields the fields between two positions, in order
 */
export function* fieldsOf(bytes: Uint8Array, start: number, end: number): Generator<Field, void, undefined> {
  for (let at = start; at < end;) {
    const tag = readVarint(bytes, at, end, LENGTH_VARINT_BYTES);
    const field = contentOf(bytes, tag, end);
    at = field.end;
    yield field;
  }
}

/** Values of a repeated integer field, packed or not; at most `max` of them are kept. */
export const readIntegers = (bytes: Uint8Array, field: Field, into: number[], max: number): void => {
  if (field.wireType === VARINT) {
    if (into.length < max) into.push(field.value);
    return;
  }
  for (let at = field.start; at < field.end && into.length < max;) {
    const { value, end } = readVarint(bytes, at, field.end, VALUE_VARINT_BYTES);
    into.push(value);
    at = end;
  }
};
