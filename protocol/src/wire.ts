/** The door of device agents and of models: the contract without what only the server and those who ask it speak, which takes memory. */
export * from './bounds.ts';
export * from './errors.ts';
export * from './identifiers.ts';
export * from './json-depth.ts';
export * from './frame.ts';
export * from './schema-examples.ts';
export * from './schema-fault.ts';
export * from './topics.ts';
export * from './records/reading.ts';
export * from './records/prediction.ts';
export * from './records/event.ts';
export * from './records/batch.ts';
export * from './presence.ts';
export * from './twin.ts';
export * from './twin-state.ts';
export * from './desired-fallback.ts';
export * from './local-rule.ts';
export * from './model-update.ts';
export * from './command.ts';
export * from './request.ts';
export * from './blob-message.ts';
export { DATATYPES, holdsDatatype, type Datatype, type FixedData, type TensorData } from './inference/tensor-data.ts';
export {
  datatypeSchema,
  elementCount,
  tensorsByName,
  tensorSpecSchema,
  type NamedTensor,
  type Tensor,
  type Tensors,
  type TensorSpec,
} from './inference/tensors.ts';
export { float16ToNumber, numberToFloat16 } from './inference/float16.ts';
export * from './inference/v2-schemas.ts';
export { checkInferenceJson } from './inference/v2-json-text.ts';
export {
  checkNames,
  INFERENCE_HEADER_LENGTH,
  outputEncoding,
  type EncodedInference,
  type InferRequest,
  type InferResponse,
  type TensorEncoding,
} from './inference/v2-messages.ts';
export type { NonFinite } from './inference/v2-json-encode.ts';
export { decodeInferRequest, decodeInferResponse, parseHeaderLength } from './inference/v2-decode.ts';
export { decodeRawInferRequest } from './inference/v2-raw.ts';
export { binaryDataSize, readBinaryData, writeBinaryData } from './inference/v2-binary.ts';
export { encodeInferRequest, encodeInferResponse, type EncodingOf } from './inference/v2-encode.ts';
export { decodeInferFrame, encodeInferFrame, isInferFrame } from './inference/v2-frame.ts';
export * from './features/entity-view.ts';
export * from './streams/expression.ts';
export * from './streams/stream-definition.ts';
export * from './rest/same-machine.ts';
