/** Inference messages over MQTT, which has no headers: the length of the JSON part as u32 little-endian, the JSON part, the tensors. */
import { BOUNDS } from '../bounds.ts';
import { ProtocolError } from '../errors.ts';
import type { EncodedInference } from './v2-messages.ts';

const LENGTH_BYTES = 4;
const ALIGNMENT = 8;
const SPACE = 0x20;

/** First bytes of the JSON frames that share topics with inference frames: `{`, `[` and gzip. All are odd. */
const JSON_FRAME_STARTS: ReadonlySet<number | undefined> = new Set([0x7b, 0x5b, 0x1f]);

/**
 * The JSON part is padded with spaces so that the tensors start 8 bytes aligned within the frame; its length is then
 * even, and no inference frame starts as a JSON frame does.
 * @throws ProtocolError PAYLOAD_TOO_LARGE
 */
export const encodeInferFrame = ({ body, headerLength = body.length }: EncodedInference): Uint8Array => {
  const start = Math.ceil((LENGTH_BYTES + headerLength) / ALIGNMENT) * ALIGNMENT;
  const size = start + body.length - headerLength;
  if (size > BOUNDS.frameBytes)
    throw new ProtocolError(
      'PAYLOAD_TOO_LARGE',
      `An inference message of ${size} bytes does not fit a frame of ${BOUNDS.frameBytes}; use the HTTP way.`,
    );
  const frame = new Uint8Array(size);
  new DataView(frame.buffer).setUint32(0, start - LENGTH_BYTES, true);
  frame.set(body.subarray(0, headerLength), LENGTH_BYTES);
  frame.fill(SPACE, LENGTH_BYTES + headerLength, start);
  frame.set(body.subarray(headerLength), start);
  return frame;
};

/** Tells an inference frame of `encodeInferFrame` from a JSON frame, where a topic carries both. */
export const isInferFrame = (payload: Uint8Array): boolean =>
  payload.length >= LENGTH_BYTES && !JSON_FRAME_STARTS.has(payload[0]);

/**
 * What `decodeInferRequest` and `decodeInferResponse` take; shares memory with `payload`.
 * @throws ProtocolError FRAME_TOO_LARGE | BINARY_TOO_SHORT | BINARY_HEADER_OUT_OF_RANGE
 */
export const decodeInferFrame = (payload: Uint8Array): Required<EncodedInference> => {
  if (payload.length > BOUNDS.frameBytes)
    throw new ProtocolError('FRAME_TOO_LARGE', `A frame of ${payload.length} bytes is over ${BOUNDS.frameBytes}.`);
  if (payload.length < LENGTH_BYTES)
    throw new ProtocolError('BINARY_TOO_SHORT', `${payload.length} bytes are no inference frame.`);
  const headerLength = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  const body = payload.subarray(LENGTH_BYTES);
  if (headerLength > body.length)
    throw new ProtocolError(
      'BINARY_HEADER_OUT_OF_RANGE',
      `A JSON part of ${headerLength} bytes does not fit a frame with ${body.length}.`,
    );
  return { body, headerLength };
};
