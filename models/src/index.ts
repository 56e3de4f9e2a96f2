/** What edge and cloud must agree on about a model: the only importable file of the package. */
export * from './errors.ts';
export * from './canonical-json.ts';
export * from './bundle/manifest.ts';
export * from './bundle/bundle-path.ts';
export * from './bundle/signature.ts';
export * from './bundle/stored-tensor.ts';
export * from './bundle/golden.ts';
export * from './bundle/reference-sketch.ts';
export { manifestDigest, readBundle, type Bundle, type ReadBundleOptions } from './bundle/read-bundle.ts';
export * from './bundle/write-bundle.ts';
export * from './bundle/catalog.ts';
export * from './bundle/pack.ts';
export * from './features/feature-view.ts';
export * from './features/schema-hash.ts';
export * from './features/resample.ts';
export * from './features/window-steps.ts';
export * from './features/window-plan.ts';
export * from './features/feature-vector.ts';
export * from './features/model-inputs.ts';
export * from './features/source-value.ts';
export * from './features/window-panes.ts';
export * from './features/window-source.ts';
export * from './features/entity-view.ts';
export * from './features/entity-vector.ts';
export * from './features/shipped-views.ts';
export * from './windows/window-assembler.ts';
export * from './calibration/device-normal.ts';
export * from './backtest/verdict-agreement.ts';
export * from './backtest/window-replay.ts';
export * from './gate/gate-flags.ts';
export { gateRulesOf, type GateRules } from './gate/gate-rules.ts';
export { readOnnxModel } from './gate/onnx-reader.ts';
export { checkOnnxModel, passGate, type GateReport } from './gate/static-gate.ts';
export * from './engine/inference-engine.port.ts';
export * from './engine/engine-choice.ts';
export * from './engine/supervised-model.ts';
export * from './engine/engine-supervisor.ts';
export { hasRoom } from './engine/child/room.ts';
export { boundCommand } from './engine/child/bound-command.ts';
export { readProcessorWaitMs, readResidentBytes } from './engine/child/watchdog.ts';
export { createNativeEngine } from './engine/native/native-engine.ts';
export * from './engine/wasm/wasm-engine.ts';
export * from './engine/tfjs/tfjs-engine.ts';
export { checkTfjsModel } from './gate/tfjs-gate.ts';
export * from './sketch/quantiles.ts';
export * from './features/vector-hash.ts';
export * from './features/vector-history.ts';
export * from './sketch/drift.ts';
export * from './scheduler/priorities.ts';
export * from './scheduler/scheduler.ts';
export * from './scheduler/scheduler-clock.ts';
export * from './scheduler/scheduler-limits.ts';
export * from './scheduler/scheduler-record.ts';
export * from './scheduler/statistics.ts';
export * from './scheduler/version-policy.ts';
export * from './scheduler/model-versions.ts';
export * from './scheduler/response-cache.ts';
export * from './open-inference/exchange.ts';
export * from './open-inference/fault-answer.ts';
export * from './open-inference/inference-codec.port.ts';
export {
  answerInferRequest,
  encodingsOf,
  inferOptions,
  PRIORITY_NAME,
  runModel,
  unreadRefusal,
  type InferTerms,
  type SchedulePolicy,
} from './open-inference/infer-call.ts';
export { isTabular, judgedPrediction, predictInputs, tensorCells } from './open-inference/predict-call.ts';
export { checkInputs } from './engine/check-tensors.ts';
export { modelMetadata } from './open-inference/model-views.ts';
export * from './open-inference/model-meter.ts';
export * from './open-inference/model-repository.port.ts';
export * from './open-inference/open-inference-service.ts';
export { OPEN_INFERENCE_ROUTES } from './open-inference/route-table.ts';
export { gatheredTensors, ownBytes, ownTensors, transferOf } from './open-inference/codec-messages.ts';
export * from './open-inference/job-thread.ts';
export * from './open-inference/threaded-codec.ts';
export * from './sketch/drift-window.ts';
export * from './sketch/byte-codec.ts';
export * from './sketch/distinct.ts';
export * from './sketch/hash53.ts';
export { streamHash } from './streams/stream-plan.ts';
