/** Inference over gRPC: its messages to and from those of the protocol; outputs leave in the form the inputs came in. */
import {
  binaryDataSize,
  checkInferenceJson,
  checkNames,
  inferRequestSchema,
  ProtocolError,
  readBinaryData,
  writeBinaryData,
  type InferRequest,
  type InferResponse,
  type Json,
  type JsonObject,
  type NamedTensor,
} from '@shoal/protocol';
import type {
  GrpcInferRequest,
  GrpcInferResponse,
  GrpcParameter,
  GrpcParameters,
  GrpcTensor,
} from './grpc-messages.ts';
import { readContents, writeContents } from './typed-contents.ts';

const NO_CONTENTS = {};

/** 64-bit integers beyond 2^53 are text. */
const valueOf = (parameter: GrpcParameter): Json => {
  const {
    bool_param: bool,
    int64_param: int,
    string_param: text,
    double_param: double,
    uint64_param: uint,
  } = parameter;
  const long = int ?? uint;
  if (long !== undefined) return Number.isSafeInteger(Number(long)) ? Number(long) : long;
  return bool ?? text ?? double ?? null;
};

const parametersFrom = (parameters: GrpcParameters | undefined): JsonObject | undefined => {
  const entries = Object.entries(parameters ?? {});
  return entries.length === 0 ? undefined : Object.fromEntries(entries.map(([name, value]) => [name, valueOf(value)]));
};

/** What is neither text, number nor truth value travels as JSON. */
const parameterOf = (value: Json): GrpcParameter => {
  if (typeof value === 'boolean') return { bool_param: value };
  if (typeof value === 'string') return { string_param: value };
  if (typeof value !== 'number') return { string_param: JSON.stringify(value) };
  return Number.isSafeInteger(value) ? { int64_param: String(value) } : { double_param: value };
};

const parametersTo = (parameters: JsonObject | undefined): GrpcParameters =>
  Object.fromEntries(Object.entries(parameters ?? {}).map(([name, value]) => [name, parameterOf(value)]));

const headOf = ({ name, datatype, shape, parameters }: GrpcTensor): object => ({
  name,
  datatype,
  shape: shape.map(Number),
  parameters: parametersFrom(parameters),
});

/** @throws ProtocolError SCHEMA_INVALID | TENSOR_* | INFERENCE_TOO_LARGE */
export const readInferRequest = (message: GrpcInferRequest): InferRequest => {
  const { inputs, outputs, raw_input_contents: raw } = message;
  const value = {
    id: message.id === '' ? undefined : message.id,
    parameters: parametersFrom(message.parameters),
    inputs: inputs.map(headOf),
    outputs:
      outputs.length === 0
        ? undefined
        : outputs.map(({ name, parameters }) => ({ name, parameters: parametersFrom(parameters) })),
  };
  const request = checkInferenceJson(inferRequestSchema, value, 'inference request');
  checkNames('inputs', request.inputs);
  if (request.outputs) checkNames('requested outputs', request.outputs);
  if (raw.length > 0 && raw.length !== inputs.length)
    throw new ProtocolError(
      'TENSOR_DATA_MISSING',
      `${inputs.length} inputs and ${raw.length} raw_input_contents; send one for each.`,
    );
  const tensors = request.inputs.map(({ name, datatype, shape }, index): NamedTensor => {
    const header = { name, datatype, shape };
    const contents = inputs[index]?.contents ?? undefined;
    const section = raw[index];
    if (section === undefined) return { ...header, data: readContents(header, contents ?? NO_CONTENTS) };
    if (contents === undefined) return { ...header, data: readBinaryData(header, section) };
    throw new ProtocolError('TENSOR_DATA_MISSING', `Tensor "${name}" has contents and raw contents; send one of them.`);
  });
  return { ...request, inputs: tensors };
};

const rawOf = ({ data }: NamedTensor): Uint8Array => {
  const bytes = Buffer.alloc(binaryDataSize(data));
  writeBinaryData(data, bytes, 0);
  return bytes;
};

/** `asRaw`: as the request came; with an FP16 output, which has no typed form, all leave raw. */
export const writeInferResponse = (response: InferResponse, asRaw: boolean): GrpcInferResponse => {
  const isRaw = asRaw || response.outputs.some(({ datatype }) => datatype === 'FP16');
  return {
    model_name: response.model_name,
    model_version: response.model_version ?? '',
    id: response.id ?? '',
    parameters: parametersTo(response.parameters as JsonObject | undefined),
    outputs: response.outputs.map((tensor) => ({
      name: tensor.name,
      datatype: tensor.datatype,
      shape: tensor.shape,
      ...(!isRaw && { contents: writeContents(tensor) }),
    })),
    raw_output_contents: isRaw ? response.outputs.map(rawOf) : [],
  };
};
