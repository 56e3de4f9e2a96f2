/** ModelInfer from its bytes and to them: what costs little is done at once, the rest on a thread. */
import type { ServiceDefinition } from '@grpc/grpc-js';
import { gatheredTensors, ownBytes, ownTensors, transferOf, type JobDone } from '@shoal/models';
import { ProtocolError, type InferRequest, type InferResponse } from '@shoal/protocol';
import type { GrpcInferRequest, GrpcInferResponse } from './grpc-messages.ts';
import { readInferRequest, writeInferResponse } from './infer-codec.ts';

/** A request as the server works with it. */
export interface GrpcAsked {
  readonly model: string;
  /** Empty: the newest. */
  readonly version: string;
  /** Whether its tensors came raw, as its outputs are to leave. */
  readonly isRaw: boolean;
  readonly request: InferRequest;
}

export type GrpcJob =
  | { readonly kind: 'decode'; readonly bytes: Uint8Array }
  | { readonly kind: 'encode'; readonly response: InferResponse; readonly isRaw: boolean };
export type GrpcResult = GrpcAsked | Uint8Array;

/** How the messages of the service are written down. */
export type InferMethod = Pick<ServiceDefinition[string], 'requestDeserialize' | 'responseSerialize'>;

/** @throws ProtocolError SCHEMA_INVALID, and as `readInferRequest` */
export const decodeInfer = (bytes: Uint8Array, method: InferMethod): GrpcAsked => {
  let message: GrpcInferRequest;
  try {
    message = method.requestDeserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as GrpcInferRequest;
  } catch (cause) {
    throw new ProtocolError(
      'SCHEMA_INVALID',
      'The message is no ModelInferRequest; compare with the published proto.',
      {
        cause,
      },
    );
  }
  const { model_name: model, model_version: version, raw_input_contents: raw } = message;
  return { model, version, isRaw: raw.length > 0, request: readInferRequest(message) };
};

export const encodeInfer = (response: InferResponse, isRaw: boolean, method: InferMethod): Buffer =>
  method.responseSerialize(writeInferResponse(response, isRaw) satisfies GrpcInferResponse);

/** On the thread. */
export const doGrpcJob = (job: GrpcJob, method: InferMethod): JobDone<GrpcResult> => {
  if (job.kind === 'encode') {
    const bytes = ownBytes(encodeInfer(job.response, job.isRaw, method));
    return { result: bytes, transfer: [bytes.buffer as ArrayBuffer] };
  }
  const asked = decodeInfer(job.bytes, method);
  const inputs = gatheredTensors(asked.request.inputs);
  return { result: { ...asked, request: { ...asked.request, inputs } }, transfer: transferOf(inputs) };
};

export const decodeJob = (bytes: Uint8Array): { readonly job: GrpcJob; readonly transfer: ArrayBuffer[] } => {
  const own = ownBytes(bytes);
  return { job: { kind: 'decode', bytes: own }, transfer: [own.buffer as ArrayBuffer] };
};

export const encodeJob = (
  response: InferResponse,
  isRaw: boolean,
): { readonly job: GrpcJob; readonly transfer: ArrayBuffer[] } => {
  const outputs = ownTensors(response.outputs);
  return { job: { kind: 'encode', response: { ...response, outputs }, isRaw }, transfer: transferOf(outputs) };
};
