/** The catalogue of what can be wrong with something on the wire: every code a codec of this package can answer with. */

/** `retryable: false` throughout: sending the same bytes again gives the same answer. */
export const PROTOCOL_ERRORS = {
  IDENTIFIER_INVALID: 'A device, request or command id that does not match its pattern. Use the characters it names.',
  TOPIC_UNKNOWN: 'A topic that is not part of the contract. The topics are listed at /docs/mqtt.',
  TOPIC_TOO_DEEP: 'A topic with more levels than the contract has. The topics are listed at /docs/mqtt.',
  FRAME_TOO_LARGE: 'A payload over the frame bound. Send fewer records in one batch.',
  PAYLOAD_NOT_JSON: 'A payload that is not a JSON object or array in well-formed UTF-8. Correct the encoder.',
  PAYLOAD_TOO_DEEP: 'JSON nested deeper than the bound, refused before it is parsed. Send flatter documents.',
  PAYLOAD_GZIP_INVALID:
    'A payload that starts like gzip and cannot be inflated. Send whole gzip members or plain JSON.',
  PAYLOAD_INFLATES_TOO_LARGE: 'A compressed payload that inflates over the bound. Send fewer records in one batch.',
  PAYLOAD_TOO_LARGE: 'Content that does not fit an MQTT frame. Split it, or use the HTTP way.',
  SCHEMA_INVALID:
    'JSON that does not match the schema of its topic; the message has the path. Compare with /docs/mqtt.',
  BATCH_TOO_LONG: 'A batch with more records than the bound. Split it.',
  NUMBER_NOT_FINITE: 'A number that is not finite or an integer beyond 2^53-1. Send null with a mark instead.',
  TENSOR_INVALID: 'A tensor whose data, shape and datatype do not agree. Correct the shape or the data.',
  TENSOR_DATATYPE_UNKNOWN: 'A tensor of a datatype that the Open Inference Protocol does not have. Use one it names.',
  TENSOR_SHAPE_INVALID:
    'A tensor with a negative or fractional dimension, too many of them, or more elements than can be counted. Correct the shape.',
  TENSOR_SIZE_MISMATCH: 'Tensor data with more or fewer elements or bytes than its shape holds. Correct either.',
  TENSOR_DATA_MISSING: 'A tensor with neither data nor binary_data_size, or with both. Send exactly one of them.',
  TENSOR_NAME_DUPLICATE: 'Two tensors of one message with the same name. Name each once.',
  TENSOR_VALUE_INVALID:
    'A tensor element that its datatype cannot hold; the message has tensor and index. Send a value in range, or another datatype.',
  TENSOR_NOT_FINITE:
    'NaN or infinity in a tensor that leaves as JSON; the message has tensor and index. Set parameters.non_finite to "string", or ask for binary.',
  TENSOR_BYTES_NOT_UTF8:
    'A BYTES element that is no UTF-8 text and so cannot be a JSON string; the message has tensor and index. Use binary data.',
  BINARY_HEADER_OUT_OF_RANGE:
    'An inference header length that is no whole number or reaches over the end of the body. Send the length of the JSON part in bytes.',
  BINARY_TOO_SHORT: 'Binary tensor data that ends before the tensors it announces. Send all bytes of every tensor.',
  BINARY_TOO_LONG: 'Bytes after the last binary tensor. Announce every tensor with binary_data_size.',
  INFERENCE_TOO_LARGE: 'An inference message over the bound. Send fewer rows in one request.',
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
