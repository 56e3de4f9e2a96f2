/** `…/infer`: bytes in, checked and decoded, to the model, encoded as the request wants each output. */
import {
  decodeRawInferRequest,
  INFERENCE_HEADER_LENGTH,
  outputEncoding,
  parseHeaderLength,
  tensorsByName,
  type InferRequest,
  type InferResponse,
  type JsonObject,
  type NamedTensor,
  type Tensors,
} from '@shoal/protocol/wire';
import type { CallerSignal, InferOptions } from '../engine/inference-engine.port.ts';
import { rowCount } from '../engine/rows.ts';
import { vectorHash } from '../features/vector-hash.ts';
import { ModelError } from '../errors.ts';
import { planOcclusion, readOcclusion, type Occlusion, type OcclusionPlan } from '../explanation/occlusion.ts';
import { headerOf, JSON_TYPE, type OpenInferenceAnswer, type OpenInferenceRequest } from './exchange.ts';
import type { InferenceCodec, OutputEncodings } from './inference-codec.port.ts';
import type { CompletedInputs, ServedAnswer, ServedModel } from './model-repository.port.ts';

/** A request that names a priority has to be read, whatever the line holds. */
export const PRIORITY_NAME = Buffer.from('"priority"');

/** Levels of `parameters.priority`, and where a request without one stands. */
const PRIORITY_LEVELS = 9;
const DEFAULT_PRIORITY = 5;
/** All levels lie between the own work of the host, which has 0 in `InferOptions`, and devices that fall back on others, which have -1. */
const STEPS_PER_LEVEL = -1 / (PRIORITY_LEVELS + 1);

/** What a request may ask of its waiting; a transport without OIP parameters gives none. */
export interface SchedulePolicy {
  readonly priority?: number | undefined;
  /** Microseconds. */
  readonly timeout?: number | undefined;
}

const standing = (priority: number): number =>
  STEPS_PER_LEVEL * (priority === 0 || priority > PRIORITY_LEVELS ? DEFAULT_PRIORITY : priority);

/**
 * Triton's schedule policy: level 1 first, 0 and levels there are not stand where the default does; a timeout shortens
 * the deadline of the host and never extends it.
 */
export const inferOptions = (
  { priority = 0, timeout = 0 }: SchedulePolicy,
  deadlineMs: number,
  signal: CallerSignal | undefined,
): InferOptions => ({
  // What was decoded is the request's own memory, which nobody writes into afterwards.
  inputsStay: true,
  priority: standing(priority),
  deadlineMs: timeout === 0 ? deadlineMs : Math.min(deadlineMs, timeout / 1_000),
  ...(signal !== undefined && { signal }),
});

/** With what is left of the deadline of a request that came at `arrivedAt`, as `OpenInferenceRequest` has it. */
export const sinceArrival = (options: InferOptions, arrivedAt: number | undefined): InferOptions => {
  if (arrivedAt === undefined || options.deadlineMs === undefined) return options;
  return { ...options, deadlineMs: Math.max(0, options.deadlineMs - (performance.now() - arrivedAt)) };
};

/** One inference of a served model, counted. Rejects with ModelError. */
export const runModel = (model: ServedModel, inputs: Tensors, options: InferOptions): Promise<ServedAnswer> =>
  model.meter.measure(rowCount(inputs, model.manifest.signature), () => model.infer(inputs, options));

/** Throws OUTPUT_UNKNOWN. */
const wantedOutputs = (request: InferRequest, { manifest }: ServedModel): readonly string[] => {
  const declared = manifest.signature.outputs.map(({ name }) => name);
  const asked = request.outputs?.map(({ name }) => name) ?? [];
  const unknown = asked.find((name) => !declared.includes(name));
  if (unknown !== undefined) throw new ModelError('OUTPUT_UNKNOWN', `${manifest.name} has no output ${unknown}`);
  return asked.length === 0 ? declared : asked;
};

const namedOutputs = (outputs: Tensors, names: readonly string[]): NamedTensor[] =>
  names.flatMap((name) => {
    const tensor = outputs[name];
    return tensor === undefined ? [] : [{ name, ...tensor }];
  });

/** Bounds before work: what a full line refuses in any case, counted; it is not decoded first. */
export const unreadRefusal = (json: Buffer, model: ServedModel): ModelError | undefined =>
  model.refuseUnread?.(standing(0), () => json.includes(PRIORITY_NAME));

/** Throws QUEUE_FULL. */
const refuseUnread = ({ body }: OpenInferenceRequest, model: ServedModel, headerLength: number | undefined): void => {
  const json = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, headerLength ?? Infinity));
  const reason = unreadRefusal(json, model);
  if (reason !== undefined) throw reason;
};

const decode = (
  request: OpenInferenceRequest,
  model: ServedModel,
  codec: InferenceCodec,
): Promise<InferRequest> | InferRequest => {
  const headerLength = parseHeaderLength(headerOf(request, INFERENCE_HEADER_LENGTH));
  refuseUnread(request, model, headerLength);
  if (headerLength === 0) return decodeRawInferRequest(request.body, model.manifest.signature.inputs);
  return codec.decodeRequest(request.body, headerLength);
};

/**
 * What a request leaves to the host, brought in: the features of the entity it names; at once where the host has them at hand.
 * Throws ENTITY_UNSUPPORTED, and as the host does.
 */
export const completed = (
  model: ServedModel,
  inputs: Tensors,
  entity: string,
): CompletedInputs | Promise<CompletedInputs> => {
  if (model.complete !== undefined) return model.complete(inputs, entity);
  throw new ModelError('ENTITY_UNSUPPORTED', `${model.manifest.name} looks no entity up here; send its inputs`);
};

/** A device that sends vectors says how they were made. Throws FEATURE_VIEW_MISMATCH when the model was made for others. */
const checkVectors = ({ parameters }: InferRequest, { manifest }: ServedModel): void => {
  const sent = parameters?.['vector_hash'];
  if (sent === undefined || sent === vectorHash(manifest)) return;
  throw new ModelError('FEATURE_VIEW_MISMATCH', `${manifest.name} looks at other vectors than were sent`);
};

export interface InferTerms {
  readonly deadlineMs: number;
  readonly signal?: CallerSignal | undefined;
  readonly arrivedAt?: number | undefined;
  /** Outweighs what the request says, e.g. the priority of its transport. */
  readonly options?: InferOptions;
}

const explanationOf = ({ score, changes }: Occlusion, { output }: OcclusionPlan): JsonObject => ({
  method: 'occlusion',
  output,
  score,
  changes,
});

/** A decoded request to its response, whatever it came by. Rejects with ModelError, and with what the host rejects with. */
export const answerInferRequest = async (
  asked: InferRequest,
  model: ServedModel,
  { deadlineMs, signal, arrivedAt, options }: InferTerms,
): Promise<InferResponse> => {
  const names = wantedOutputs(asked, model);
  checkVectors(asked, model);
  const given = tensorsByName(asked.inputs);
  const { entity } = asked.parameters ?? {};
  const { inputs, parameters: found }: CompletedInputs =
    entity === undefined ? { inputs: given } : await completed(model, given, entity);
  const own = sinceArrival(inferOptions(asked.parameters ?? {}, deadlineMs, signal), arrivedAt);
  const terms = { ...own, ...options };
  const { explain = false } = asked.parameters ?? {};
  const plan = explain === false ? undefined : planOcclusion(model.manifest, inputs, explain === true ? {} : explain);
  const { outputs: ran, parameters: said } = await runModel(model, plan?.inputs ?? inputs, terms);
  const explained = plan && readOcclusion(model.manifest, plan, ran);
  const outputs = explained?.outputs ?? ran;
  const parameters: JsonObject = {
    ...said,
    ...found,
    ...(explained && { explanation: explanationOf(explained, plan) }),
  };
  return {
    model_name: model.manifest.name,
    model_version: model.manifest.version,
    ...(asked.id !== undefined && { id: asked.id }),
    ...(Object.keys(parameters).length > 0 && { parameters }),
    outputs: namedOutputs(outputs, names),
  };
};

/** How each output of a response leaves, as its request wants it. */
export const encodingsOf = (asked: InferRequest, { outputs }: InferResponse): OutputEncodings =>
  Object.fromEntries(outputs.map(({ name }) => [name, outputEncoding(asked, name)]));

/** Rejects with ModelError or ProtocolError, and with what the host rejects with. */
export const answerInfer = async (
  request: OpenInferenceRequest,
  model: ServedModel,
  { codec, deadlineMs }: { readonly codec: InferenceCodec; readonly deadlineMs: number },
): Promise<OpenInferenceAnswer> => {
  const startedAt = performance.now();
  const asked = await decode(request, model, codec);
  const decodedAt = performance.now();
  const { signal, arrivedAt } = request;
  const response = await answerInferRequest(asked, model, { deadlineMs, signal, arrivedAt });
  const inferredAt = performance.now();
  const encoded = await codec.encodeResponse(response, encodingsOf(asked, response));
  model.meter.noteCoding(decodedAt - startedAt, performance.now() - inferredAt);
  const headers: Record<string, string> =
    encoded.headerLength === undefined
      ? { 'content-type': JSON_TYPE }
      : {
          'content-type': 'application/octet-stream',
          [INFERENCE_HEADER_LENGTH]: String(encoded.headerLength),
        };
  return { status: 200, headers, body: encoded.body };
};
