/** Framing of every JSON payload on the wire: compression, and the checks that come before `JSON.parse`. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { BOUNDS } from './bounds.ts';
import { ProtocolError } from './errors.ts';
import { jsonDepthExceeds } from './json-depth.ts';

const GZIP_MAGIC = 0x1f;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

const smaller = (a: Uint8Array, b: Uint8Array): Uint8Array => (a.length < b.length ? a : b);

/** `JSON.stringify` writes a lone surrogate as a lower-case escape; an escaped backslash before it is text. */
const LONE_SURROGATE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** JSON text of an object or array; half a character (a string cut in the middle of a pair) becomes U+FFFD. */
const toJson = (value: object): string => {
  const text = JSON.stringify(value);
  return text.includes('\\ud') ? text.replace(LONE_SURROGATE, '$1\ufffd') : text;
};

/**
 * Frames a JSON object or array: as it is when small, gzip above `BOUNDS.compressAboveBytes` when that is smaller.
 * @throws ProtocolError PAYLOAD_TOO_LARGE
 */
export const encodeFrame = (value: object): Uint8Array => {
  const json = Buffer.from(toJson(value), 'utf8');
  if (json.length > BOUNDS.inflatedBytes) {
    throw new ProtocolError(
      'PAYLOAD_TOO_LARGE',
      `A payload of ${json.length} bytes is over ${BOUNDS.inflatedBytes} before compression; send fewer records.`,
    );
  }
  const frame = json.length > BOUNDS.compressAboveBytes ? smaller(gzipSync(json, { level: 1 }), json) : json;
  if (frame.length > BOUNDS.frameBytes) {
    throw new ProtocolError(
      'PAYLOAD_TOO_LARGE',
      `A payload of ${frame.length} bytes does not fit a frame of ${BOUNDS.frameBytes}; send fewer records.`,
    );
  }
  return frame;
};

const decoder = new TextDecoder('utf-8', { fatal: true });

/** RFC 1952 2.3: header and trailer of the smallest gzip file. */
const GZIP_SMALLEST = 18;

/**
 * Bytes of the JSON in a frame without inflating it: what the trailer of gzip says (RFC 1952 2.3.1), bounded by what may be
 * inflated. A sender can lie there, so it is good for sharing work out and for nothing else.
 */
export const claimedBytes = (payload: Uint8Array): number => {
  if (payload[0] !== GZIP_MAGIC || payload.length < GZIP_SMALLEST) return payload.length;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return Math.min(view.getUint32(payload.length - 4, true), BOUNDS.inflatedBytes);
};

/** What zlib is given at once to write into: a usual batch whole, so that nothing is put together from parts. */
const INFLATE_CHUNK_BYTES = 131_072;
/** Of zlib. */
const SMALLEST_CHUNK = 64;

const inflate = (payload: Uint8Array): Uint8Array => {
  try {
    // One byte more than the content: a chunk that is filled to its end makes zlib ask for another.
    const chunkSize = Math.min(INFLATE_CHUNK_BYTES, claimedBytes(payload) + 1);
    return gunzipSync(payload, {
      maxOutputLength: BOUNDS.inflatedBytes,
      chunkSize: Math.max(SMALLEST_CHUNK, chunkSize),
    });
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw tooLarge
      ? new ProtocolError('PAYLOAD_INFLATES_TOO_LARGE', `A payload inflates over ${BOUNDS.inflatedBytes} bytes.`, {
          cause,
        })
      : new ProtocolError('PAYLOAD_GZIP_INVALID', 'A payload starts like gzip and cannot be inflated.', { cause });
  }
};

/**
 * The bytes a frame stands for, inflated where they were compressed.
 * @throws ProtocolError FRAME_TOO_LARGE | PAYLOAD_GZIP_INVALID | PAYLOAD_INFLATES_TOO_LARGE
 */
export const unpackFrame = (payload: Uint8Array): Uint8Array => {
  if (payload.length > BOUNDS.frameBytes) {
    throw new ProtocolError(
      'FRAME_TOO_LARGE',
      `A payload of ${payload.length} bytes is over ${BOUNDS.frameBytes}; send fewer records.`,
    );
  }
  return payload[0] === GZIP_MAGIC ? inflate(payload) : payload;
};

/** Whether every string and key in `value` is Unicode text: half a surrogate pair has no UTF-8 (RFC 7493 section 2.1). */
const isWellFormed = (value: unknown): boolean => {
  if (typeof value === 'string') return value.isWellFormed();
  if (Array.isArray(value)) return value.every(isWellFormed);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]) => key.isWellFormed() && isWellFormed(inner));
};

const parse = (bytes: Uint8Array): unknown => {
  try {
    const text = decoder.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (!/\\u[dD]/.test(text) || isWellFormed(value)) return value;
  } catch (cause) {
    throw new ProtocolError('PAYLOAD_NOT_JSON', 'A payload is not JSON in UTF-8.', { cause });
  }
  throw new ProtocolError('PAYLOAD_NOT_JSON', 'A payload holds half a surrogate pair, which no UTF-8 text can.');
};

/**
 * Unframes to parsed JSON: size, gzip, first byte, nesting and UTF-8 are checked before `JSON.parse` sees a byte.
 * A key named `__proto__` is an ordinary own property of the result.
 * @throws ProtocolError FRAME_TOO_LARGE | PAYLOAD_GZIP_INVALID | PAYLOAD_INFLATES_TOO_LARGE | PAYLOAD_NOT_JSON | PAYLOAD_TOO_DEEP
 */
export const decodeFrame = (payload: Uint8Array): unknown => {
  const bytes = unpackFrame(payload);
  if (bytes[0] !== OPEN_BRACE && bytes[0] !== OPEN_BRACKET) {
    throw new ProtocolError('PAYLOAD_NOT_JSON', 'A payload must start with "{", "[" or the gzip magic.');
  }
  if (jsonDepthExceeds(bytes, BOUNDS.jsonDepth)) {
    throw new ProtocolError('PAYLOAD_TOO_DEEP', `JSON nested deeper than ${BOUNDS.jsonDepth} levels.`);
  }
  return parse(bytes);
};
