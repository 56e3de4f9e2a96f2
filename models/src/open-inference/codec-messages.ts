/** What travels between the threaded codec and its thread. */
import type { EncodedInference, InferRequest, InferResponse, NamedTensor, TensorData } from '@shoal/protocol/wire';
import type { OutputEncodings } from './inference-codec.port.ts';

export type CodecJob =
  | { readonly kind: 'decode'; readonly body: Uint8Array; readonly headerLength: number | undefined }
  | { readonly kind: 'encode'; readonly response: InferResponse; readonly encodings: OutputEncodings };

export type CodecResult = InferRequest | EncodedInference;

/** Own memory, so that giving it away takes nothing from others that share a buffer with it. */
export const ownBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);

/** Elements one behind the other in one memory: a buffer for each would take a message minutes. */
const gathered = (elements: readonly Uint8Array[]): Uint8Array[] => {
  const memory = new Uint8Array(elements.reduce((total, { length }) => total + length, 0));
  let end = 0;
  return elements.map((element) => {
    memory.set(element, end);
    end += element.length;
    return memory.subarray(end - element.length, end);
  });
};

/** The same tensors in memory that nobody else has, so that it may be given away. */
export const ownTensors = (tensors: readonly NamedTensor[]): NamedTensor[] =>
  tensors.map((tensor) => ({
    ...tensor,
    data: ArrayBuffer.isView(tensor.data) ? tensor.data.slice() : gathered(tensor.data),
  }));

/** BYTES gathered, all else as it is. */
export const gatheredTensors = (tensors: readonly NamedTensor[]): NamedTensor[] =>
  tensors.map((tensor) => (ArrayBuffer.isView(tensor.data) ? tensor : { ...tensor, data: gathered(tensor.data) }));

const buffersOf = (data: TensorData): (ArrayBufferLike | undefined)[] =>
  ArrayBuffer.isView(data) ? [data.buffer] : [data[0]?.buffer];

/** Memory that may change hands with gathered tensors: every buffer once. */
export const transferOf = (tensors: readonly NamedTensor[]): ArrayBuffer[] =>
  [...new Set(tensors.flatMap(({ data }) => buffersOf(data)))].filter((buffer) => buffer instanceof ArrayBuffer);
