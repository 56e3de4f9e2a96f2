/** Large messages are read and written on a thread of their own, which ends when nothing large has come for a while. */
import type { EncodedInference, InferRequest, InferResponse } from '@shoal/protocol/wire';
import { ownBytes, ownTensors, transferOf, type CodecJob, type CodecResult } from './codec-messages.ts';
import { INLINE_CODEC, type InferenceCodec, type OutputEncodings } from './inference-codec.port.ts';
import { JobThread } from './job-thread.ts';

/** JSON of this size takes about a millisecond to read, of these elements to write: less than the way to a thread and back. */
const INLINE_JSON_BYTES = 32_768;
const INLINE_JSON_ELEMENTS = 4_096;

const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));

const jsonElements = ({ outputs }: InferResponse, encodings: OutputEncodings): number =>
  outputs.filter(({ name }) => encodings[name]?.binary !== true).reduce((total, { data }) => total + data.length, 0);

export class ThreadedCodec implements InferenceCodec {
  readonly #thread = new JobThread<CodecJob, CodecResult>(new URL(`./codec-thread${extension}`, import.meta.url));

  async decodeRequest(body: Uint8Array, headerLength: number | undefined): Promise<InferRequest> {
    if (Math.min(headerLength ?? body.length, body.length) <= INLINE_JSON_BYTES)
      return INLINE_CODEC.decodeRequest(body, headerLength);
    const own = ownBytes(body);
    const job: CodecJob = { kind: 'decode', body: own, headerLength };
    return (await this.#thread.ask(job, [own.buffer as ArrayBuffer])) as InferRequest;
  }

  async encodeResponse(response: InferResponse, encodings: OutputEncodings): Promise<EncodedInference> {
    if (jsonElements(response, encodings) <= INLINE_JSON_ELEMENTS)
      return INLINE_CODEC.encodeResponse(response, encodings);
    const outputs = ownTensors(response.outputs);
    const job: CodecJob = { kind: 'encode', response: { ...response, outputs }, encodings };
    return (await this.#thread.ask(job, transferOf(outputs))) as EncodedInference;
  }

  /** Ends the thread; what waits for it rejects. */
  async stop(): Promise<void> {
    await this.#thread.stop();
  }
}
