/** The catalogue of what can be wrong with something on the wire: every code a codec of this package can answer with. */

/** `retryable: false` throughout: sending the same bytes again gives the same answer. */
export const PROTOCOL_ERRORS = {
  IDENTIFIER_INVALID: 'A device, request or command id that does not match its pattern.',
  TOPIC_UNKNOWN: 'A topic that is not part of the contract.',
  TOPIC_TOO_DEEP: 'A topic with more levels than the contract has.',
  FRAME_TOO_LARGE: 'A payload over the frame bound.',
  PAYLOAD_NOT_JSON: 'A payload that is not JSON in UTF-8.',
  PAYLOAD_TOO_DEEP: 'JSON nested deeper than the bound, refused before it is parsed.',
  PAYLOAD_GZIP_INVALID: 'A payload that starts like gzip and cannot be inflated.',
  PAYLOAD_INFLATES_TOO_LARGE: 'A compressed payload that inflates over the bound.',
  PAYLOAD_TOO_LARGE: 'Content that does not fit an MQTT frame; use the HTTP way.',
  SCHEMA_INVALID: 'JSON that does not match the schema of its topic.',
  BATCH_TOO_LONG: 'A batch with more records than the bound.',
  NUMBER_NOT_FINITE: 'A number that is not finite or an integer beyond 2^53-1.',
  TENSOR_INVALID: 'A tensor whose data, shape and datatype do not agree.',
} as const;

export type ProtocolErrorCode = keyof typeof PROTOCOL_ERRORS;

/** Thrown by every codec of this package. `message` names the thing and the remedy; match on `code`, never on text. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly retryable = false;
  readonly code: ProtocolErrorCode;
  constructor(code: ProtocolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
