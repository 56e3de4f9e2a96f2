/** Large messages are read and written on a thread of their own, which ends when nothing large has come for a while. */
import { Worker } from 'node:worker_threads';
import { ProtocolError, type EncodedInference, type InferRequest, type InferResponse } from '@shoal/protocol';
import { ModelError } from '../errors.ts';
import {
  ownTensors,
  transferOf,
  type CodecAnswer,
  type CodecCall,
  type CodecJob,
  type CodecReply,
} from './codec-messages.ts';
import { INLINE_CODEC, type InferenceCodec, type OutputEncodings } from './inference-codec.port.ts';

/** JSON of this size takes about a millisecond to read, of these elements to write: less than the way to a thread and back. */
const INLINE_JSON_BYTES = 32_768;
const INLINE_JSON_ELEMENTS = 4_096;
const IDLE_MS = 10_000;
/** Messages that may wait for the thread. */
const MAX_WAITING = 32;

/** Sources run as they are when this file does. */
const isSource = import.meta.url.endsWith('.ts');

const jsonElements = ({ outputs }: InferResponse, encodings: OutputEncodings): number =>
  outputs.filter(({ name }) => encodings[name]?.binary !== true).reduce((total, { data }) => total + data.length, 0);

/** Own memory, so that giving it away takes nothing from others that share a buffer with it. */
const ownBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();

const faultOf = (answer: Extract<CodecAnswer, { ok: false }>): Error =>
  answer.code === null
    ? new ModelError('ENGINE_CRASHED', `The message could not be read or written: ${answer.message}`)
    : new ProtocolError(answer.code, answer.message);

export class ThreadedCodec implements InferenceCodec {
  readonly #waiting = new Map<number, PromiseWithResolvers<CodecAnswer>>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;
  #closed = false;

  async decodeRequest(body: Uint8Array, headerLength: number | undefined): Promise<InferRequest> {
    if (Math.min(headerLength ?? body.length, body.length) <= INLINE_JSON_BYTES)
      return INLINE_CODEC.decodeRequest(body, headerLength);
    const own = ownBytes(body);
    return (await this.#ask({ kind: 'decode', body: own, headerLength }, [own.buffer as ArrayBuffer])) as InferRequest;
  }

  async encodeResponse(response: InferResponse, encodings: OutputEncodings): Promise<EncodedInference> {
    if (jsonElements(response, encodings) <= INLINE_JSON_ELEMENTS)
      return INLINE_CODEC.encodeResponse(response, encodings);
    const outputs = ownTensors(response.outputs);
    const job: CodecJob = { kind: 'encode', response: { ...response, outputs }, encodings };
    return (await this.#ask(job, transferOf(outputs))) as EncodedInference;
  }

  /** Ends the thread; what waits for it rejects. */
  async stop(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#worker?.terminate();
  }

  /** Rejects with ProtocolError, with ModelError ENGINE_BUSY when too many wait, ENGINE_CRASHED when the thread is lost. */
  async #ask(job: CodecJob, transfer: ArrayBuffer[]): Promise<InferRequest | EncodedInference> {
    if (this.#closed) throw new ModelError('ENGINE_CLOSED', 'The server stops');
    if (this.#waiting.size >= MAX_WAITING) throw new ModelError('ENGINE_BUSY', 'Too many large messages wait');
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const id = (this.#lastId += 1);
    const settled = Promise.withResolvers<CodecAnswer>();
    this.#waiting.set(id, settled);
    this.#worker.postMessage({ id, job } satisfies CodecCall, transfer);
    const answer = await settled.promise;
    if (!answer.ok) throw faultOf(answer);
    return answer.result;
  }

  #start(): Worker {
    const worker = new Worker(new URL(`./codec-thread.${isSource ? 'ts' : 'js'}`, import.meta.url), {
      execArgv: isSource ? ['--conditions=source', '--disable-warning=ExperimentalWarning'] : [],
    });
    worker.unref();
    worker.on('message', ({ id, answer }: CodecReply) => this.#settle(id, answer));
    worker.on('error', (error) => this.#lose(worker, error.message));
    worker.on('exit', () => this.#lose(worker, 'it ended'));
    return worker;
  }

  #settle(id: number, answer: CodecAnswer): void {
    this.#waiting.get(id)?.resolve(answer);
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    this.#idle = setTimeout(() => this.#retire(), IDLE_MS).unref();
  }

  /** Whatever comes next gets a thread of its own. */
  #retire(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #lose(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const answer: CodecAnswer = { ok: false, code: null, message: `the codec thread failed: ${why}` };
    for (const id of this.#waiting.keys()) this.#settle(id, answer);
  }
}
