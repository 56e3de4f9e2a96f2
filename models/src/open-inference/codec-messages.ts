/** What travels between the threaded codec and its thread. */
import type {
  EncodedInference,
  InferRequest,
  InferResponse,
  NamedTensor,
  ProtocolErrorCode,
  TensorData,
} from '@shoal/protocol';
import type { OutputEncodings } from './inference-codec.port.ts';

export type CodecJob =
  | { readonly kind: 'decode'; readonly body: Uint8Array; readonly headerLength: number | undefined }
  | { readonly kind: 'encode'; readonly response: InferResponse; readonly encodings: OutputEncodings };

export type CodecResult = InferRequest | EncodedInference;

/** `code: null` for a fault that is none of the protocol's. */
export type CodecAnswer =
  | { readonly ok: true; readonly result: CodecResult }
  | { readonly ok: false; readonly code: ProtocolErrorCode | null; readonly message: string };

export interface CodecCall {
  readonly id: number;
  readonly job: CodecJob;
}

export interface CodecReply {
  readonly id: number;
  readonly answer: CodecAnswer;
}

const buffersOf = (data: TensorData): ArrayBufferLike[] =>
  ArrayBuffer.isView(data) ? [data.buffer] : data.map(({ buffer }) => buffer);

/** Memory that may change hands with a message: every buffer once. */
export const transferOf = (tensors: readonly NamedTensor[]): ArrayBuffer[] =>
  [...new Set(tensors.flatMap(({ data }) => buffersOf(data)))].filter((buffer) => buffer instanceof ArrayBuffer);
