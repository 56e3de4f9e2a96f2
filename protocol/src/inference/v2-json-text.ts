/** The JSON part of an inference message: what is checked before and around `JSON.parse`, and 64-bit integers by their digits. */
import type { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { ProtocolError, type ProtocolErrorCode } from '../errors.ts';
import { jsonDepthExceeds } from '../json-depth.ts';
import { schemaFault } from '../schema-fault.ts';

const OPENING_BYTES = [0x5b, 0x7b] as const;

/** Nesting cannot be deeper than there are brackets; the native search for a few is far cheaper than a look at each byte. */
const hasFewBrackets = (bytes: Uint8Array, most: number): boolean => {
  let count = 0;
  for (const byte of OPENING_BYTES) {
    let index = bytes.indexOf(byte);
    while (index >= 0 && count <= most) {
      count += 1;
      index = bytes.indexOf(byte, index + 1);
    }
  }
  return count <= most;
};

const decoder = new TextDecoder('utf-8', { fatal: true });

const parseWith = <T>(parse: () => T): T => {
  try {
    return parse();
  } catch (cause) {
    throw new ProtocolError(
      'PAYLOAD_NOT_JSON',
      'An inference message is not JSON in UTF-8; with binary tensors, send the length of its JSON part.',
      { cause },
    );
  }
};

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
/** ECMAScript 2026 gives revivers the source text of primitives; the type library does not have it yet. */
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** No 64-bit integer has more digits; one with fewer was never rounded. */
const LONG_INTEGER = /^-?\d{16,20}$/;

const byDigits: Reviver = (_, value, { source = '' }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && LONG_INTEGER.test(source) ? BigInt(source) : value;

export interface InferenceJson {
  readonly value: unknown;
  /** The same document with integers beyond 2^53 as `bigint`: parsed again on the first call, several times slower. */
  readonly byDigits: () => unknown;
}

/**
 * Parses the JSON part after its size, nesting and UTF-8 were checked.
 * @throws ProtocolError INFERENCE_TOO_LARGE | PAYLOAD_TOO_DEEP | PAYLOAD_NOT_JSON
 */
export const parseInferenceJson = (bytes: Uint8Array): InferenceJson => {
  if (bytes.length > BOUNDS.inferenceJsonBytes)
    throw new ProtocolError(
      'INFERENCE_TOO_LARGE',
      `${bytes.length} bytes of JSON are over ${BOUNDS.inferenceJsonBytes}; send tensors as binary data.`,
    );
  if (!hasFewBrackets(bytes, BOUNDS.jsonDepth) && jsonDepthExceeds(bytes, BOUNDS.jsonDepth))
    throw new ProtocolError('PAYLOAD_TOO_DEEP', `JSON nested deeper than ${BOUNDS.jsonDepth} levels.`);
  const text = parseWith(() => decoder.decode(bytes));
  let exact: unknown;
  return {
    value: parseWith((): unknown => JSON.parse(text)),
    byDigits: () => (exact ??= parseWithSource(text, byDigits)),
  };
};

/** Faults of a tensor's own fields have codes of their own. */
const FIELD_CODES: Readonly<Record<string, ProtocolErrorCode>> = {
  datatype: 'TENSOR_DATATYPE_UNKNOWN',
  shape: 'TENSOR_SHAPE_INVALID',
};

const codeOf = (path: readonly PropertyKey[]): ProtocolErrorCode | undefined => {
  if (path[0] !== 'inputs' && path[0] !== 'outputs') return undefined;
  return path[3] === 'binary_data_size' ? 'TENSOR_SIZE_MISMATCH' : FIELD_CODES[String(path[2])];
};

/**
 * The parsed JSON as its schema knows it.
 * @throws ProtocolError TENSOR_DATATYPE_UNKNOWN | TENSOR_SHAPE_INVALID | TENSOR_SIZE_MISMATCH | SCHEMA_INVALID | NUMBER_NOT_FINITE
 */
export const checkInferenceJson = <S extends z.ZodType>(schema: S, value: unknown, what: string): z.infer<S> => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const fault = schemaFault(result.error, what);
  const code = codeOf(result.error.issues[0]?.path ?? []);
  throw code === undefined ? fault : new ProtocolError(code, fault.message);
};
