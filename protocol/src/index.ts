/** The contract on the wire: the only importable file of the package. */
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
export * from './rest/problem.ts';
export * from './rest/same-machine.ts';
export * from './rest/page.ts';
export * from './rest/devices.ts';
export * from './rest/telemetry.ts';
export * from './rest/context.ts';
export * from './rest/features.ts';
export * from './rest/streams.ts';
export * from './rest/models.ts';
export * from './rest/predictions.ts';
export * from './rest/scores.ts';
export * from './rest/scoring.ts';
export * from './rest/scoring-backfill.ts';
export * from './rest/scoring-schedule.ts';
export * from './rest/deliveries.ts';
export * from './rest/backtests.ts';
export * from './rollouts/backtest-gate.ts';
export * from './rollouts/rollout-definition.ts';
export * from './rest/rollouts.ts';
export * from './alerts/alert-rule.ts';
export * from './rest/alerts.ts';
export * from './rest/overview.ts';
export * from './rest/advice.ts';
export * from './rest/audit.ts';
export * from './rest/live.ts';
export * from './rest/health.ts';
export { TAGS, type Operation, type OperationResponse, type Tag } from './rest/operation.ts';
export * from './openapi.ts';
export * from './home-assistant.ts';
export * from './mqtt-channels.ts';
export * from './subscribe-line.ts';
export * from './asyncapi.ts';
