/** What it costs to read and write an inference message: raw numbers nearly nothing, everything else by the element. Pure. */
import type { InferResponse } from '@shoal/protocol';

/** ModelInferRequest.raw_input_contents. */
const RAW_INPUT_CONTENTS = 7;
/** Of a field in the message, whatever it holds, in bytes that would cost as much. */
const FIELD_COST = 64;
const LENGTH_DELIMITED = 2;

/** Reads as much as this in about a millisecond: less than the way to a thread and back. */
export const INLINE_BYTES = 32_768;
const INLINE_ELEMENTS = 4_096;

/** The varint at `at`, and where it ends; undefined where there is none that a length or a tag could be. */
const varintAt = (bytes: Uint8Array, at: number): readonly [value: number, end: number] | undefined => {
  let value = 0;
  for (let end = at, scale = 1; end < bytes.length && end < at + 5; end += 1, scale *= 128) {
    const byte = bytes[end] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, end + 1];
  }
  return undefined;
};

/**
 * Whether a ModelInferRequest can be read at once: little beside its raw contents, and few fields. What is not understood cannot.
 * Costs no more than the fields it looks at.
 */
export const isCheapRequest = (message: Uint8Array): boolean => {
  if (message.length <= INLINE_BYTES) return true;
  let cost = 0;
  for (let at = 0; at < message.length;) {
    const tag = varintAt(message, at);
    if (tag === undefined || tag[0] % 8 !== LENGTH_DELIMITED) return false;
    const length = varintAt(message, tag[1]);
    if (length === undefined) return false;
    cost += FIELD_COST + (Math.floor(tag[0] / 8) === RAW_INPUT_CONTENTS ? 0 : length[0]);
    if (cost > INLINE_BYTES) return false;
    at = length[1] + length[0];
  }
  return true;
};

/** Strings cost by the element in either form. */
export const isCheapResponse = ({ outputs }: InferResponse, isRaw: boolean): boolean =>
  outputs
    .filter(({ datatype }) => !isRaw || datatype === 'BYTES')
    .reduce((total, { data }) => total + data.length, 0) <= INLINE_ELEMENTS;
