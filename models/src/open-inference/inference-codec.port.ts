/** Reads requests and writes responses, at once or on another thread. */
import {
  decodeInferRequest,
  encodeInferResponse,
  type EncodedInference,
  type InferRequest,
  type InferResponse,
  type TensorEncoding,
} from '@shoal/protocol/wire';

/** How each output of a response leaves, by name. */
export type OutputEncodings = Readonly<Record<string, TensorEncoding>>;

export interface InferenceCodec {
  /** As `decodeInferRequest`. The body may be gone afterwards. */
  decodeRequest(body: Uint8Array, headerLength: number | undefined): Promise<InferRequest>;
  /** As `encodeInferResponse`. The outputs may be gone afterwards. */
  encodeResponse(response: InferResponse, encodings: OutputEncodings): Promise<EncodedInference>;
}

const PLAIN: TensorEncoding = { binary: false, nonFinite: 'refuse' };

/** On the thread of the caller, which it holds for as long as the message is large. */
export const INLINE_CODEC: InferenceCodec = {
  decodeRequest: async (body, headerLength) => decodeInferRequest(body, headerLength),
  encodeResponse: async (response, encodings) => encodeInferResponse(response, (name) => encodings[name] ?? PLAIN),
};
