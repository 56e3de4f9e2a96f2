/** Asks the fleet for an inference over the connection of this device: bounded questions, each with a deadline; late answers are still heard. */
import {
  decodeFrame,
  decodeInferFrame,
  decodeInferResponse,
  encodeFrame,
  encodeInferFrame,
  encodeInferRequest,
  isInferFrame,
  replySchema,
  topics,
  type DownTopic,
  type InferResponse,
} from '@shoal/protocol/wire';
import { randomId } from '../runtime.ts';
import type { FleetConnection, LinkParticipant } from '../uplink/fleet-link.port.ts';
import { RecentLatency } from './recent-latency.ts';
import { ShedMemory } from './shed-memory.ts';

/** Questions that wait for their answer, and messages the server has not acknowledged: with more it is not asked. */
const MAX_UNDER_WAY = 8;
/** Questions that are over and whose answer may still come. */
const MAX_LATE = 64;

export interface RemoteQuestion {
  readonly model: string;
  /** Of the one tensor that the model takes. */
  readonly inputName: string;
  readonly features: Float32Array;
  readonly vectorHash: string | undefined;
  /** What the server is given. */
  readonly deadlineMs: number;
  /** What is waited for. */
  readonly waitMs: number;
  /** Takes an answer that came after `waitMs`. */
  readonly onLate: (response: InferResponse) => void;
}

export type RemoteOutcome =
  | { readonly kind: 'answer'; readonly response: InferResponse; readonly latencyMs: number }
  /** `isFault`: tells something about the server; not so when it refused this question alone. */
  | { readonly kind: 'none'; readonly why: string; readonly isFault: boolean; readonly latencyMs: number };

export interface Asked {
  readonly outcome: Promise<RemoteOutcome>;
  /** Nobody waits any more. */
  cancel(): void;
}

interface Waiting {
  readonly askedAt: number;
  readonly settle: (outcome: RemoteOutcome) => void;
  readonly timer: NodeJS.Timeout;
  readonly onLate: (response: InferResponse) => void;
}

/** Of codes that say something about the question, not about the server. */
const OF_THE_QUESTION = /^(INPUT_|FEATURE_|TENSOR_|SCHEMA_|MODEL_NOT_FOUND|OUTPUT_UNKNOWN|PAYLOAD_)/;

export class RemoteInference implements LinkParticipant {
  readonly latency = new RecentLatency();
  readonly shed = new ShedMemory();
  readonly #deviceId: string;
  readonly #monotonic: () => number;
  readonly #onOnline: () => void;
  readonly #waiting = new Map<string, Waiting>();
  readonly #late = new Map<string, Waiting>();
  #connection: FleetConnection | undefined;
  #unacknowledged = 0;

  constructor(deviceId: string, monotonic: () => number, onOnline: () => void) {
    this.#onOnline = onOnline;
    this.#deviceId = deviceId;
    this.#monotonic = monotonic;
  }

  /** Why it cannot be asked now; undefined when it can. */
  obstacle(): string | undefined {
    if (this.#connection === undefined) return 'offline';
    return Math.max(this.#waiting.size, this.#unacknowledged) >= MAX_UNDER_WAY ? 'too many questions wait' : undefined;
  }

  underWay(): number {
    return this.#waiting.size;
  }

  online(connection: FleetConnection): void {
    this.#connection = connection;
    this.#unacknowledged = 0;
    this.#onOnline();
  }

  offline(): void {
    this.#connection = undefined;
    this.#late.clear();
    for (const requestId of this.#waiting.keys()) this.#end(requestId, 'the connection was lost', true);
  }

  message(topic: DownTopic, payload: Uint8Array): void {
    if (topic.what !== 'reply') return;
    const { requestId } = topic;
    if (!this.#waiting.has(requestId) && !this.#late.has(requestId)) return;
    try {
      if (isInferFrame(payload)) this.#answered(requestId, payload);
      else this.#refused(requestId, payload);
    } catch {
      this.#end(requestId, 'the answer could not be read', true);
    }
  }

  /** Never rejects. `obstacle` must be undefined. */
  ask(question: RemoteQuestion): Asked {
    const requestId = `i-${randomId()}`;
    const { promise, resolve } = Promise.withResolvers<RemoteOutcome>();
    const timer = setTimeout(() => this.#overdue(requestId), question.waitMs);
    this.#waiting.set(requestId, {
      askedAt: this.#monotonic(),
      settle: resolve,
      timer,
      onLate: question.onLate,
    });
    try {
      this.#publish(topics.request(this.#deviceId, 'infer'), frameOf(requestId, question), requestId);
    } catch (error) {
      this.#end(requestId, error instanceof Error ? error.message : 'it cannot be written', false);
    }
    return { outcome: promise, cancel: () => this.#cancel(requestId) };
  }

  #publish(topic: string, payload: Uint8Array, requestId: string): void {
    const connection = this.#connection;
    if (connection === undefined) return this.#end(requestId, 'offline', false);
    this.#unacknowledged += 1;
    const done = (): void => void (this.#connection === connection && (this.#unacknowledged -= 1));
    connection.publish(topic, payload).then(done, () => {
      done();
      this.#end(requestId, 'the connection was lost', true);
    });
  }

  #answered(requestId: string, payload: Uint8Array): void {
    const { body, headerLength } = decodeInferFrame(payload);
    const response = decodeInferResponse(body, headerLength);
    this.#hearShed(response.parameters?.['shed']);
    const late = this.#late.get(requestId);
    this.#late.delete(requestId);
    if (late !== undefined) return late.onLate(response);
    const waiting = this.#take(requestId);
    if (waiting === undefined) return;
    const latencyMs = this.#monotonic() - waiting.askedAt;
    this.latency.add(latencyMs);
    waiting.settle({ kind: 'answer', response, latencyMs });
  }

  #refused(requestId: string, payload: Uint8Array): void {
    const { outcome, error, parameters } = replySchema.parse(decodeFrame(payload));
    this.#hearShed(parameters?.shed);
    this.#late.delete(requestId);
    const code = error?.code ?? outcome;
    this.#end(requestId, `the fleet answered ${code}`, !OF_THE_QUESTION.test(code));
  }

  #overdue(requestId: string): void {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return;
    this.#late.set(requestId, waiting);
    const [oldest] = this.#late.keys();
    if (this.#late.size > MAX_LATE && oldest !== undefined) this.#late.delete(oldest);
    this.#end(requestId, 'the fleet did not answer in time', true);
  }

  #cancel(requestId: string): void {
    if (this.#take(requestId) === undefined) return;
    const body = { v: 1, requestId: `x-${randomId()}`, deadlineMs: 1_000, body: { cancels: requestId } };
    this.#publish(topics.request(this.#deviceId, 'infer.cancel'), encodeFrame(body), requestId);
  }

  #end(requestId: string, why: string, isFault: boolean): void {
    const waiting = this.#take(requestId);
    waiting?.settle({ kind: 'none', why, isFault, latencyMs: this.#monotonic() - waiting.askedAt });
  }

  #take(requestId: string): Waiting | undefined {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #hearShed(value: unknown): void {
    if (typeof value === 'number') this.shed.hear(value, this.#monotonic());
  }
}

const frameOf = (
  requestId: string,
  { model, inputName, features, vectorHash, deadlineMs }: RemoteQuestion,
): Uint8Array =>
  encodeInferFrame(
    encodeInferRequest(
      {
        model_name: model,
        id: requestId,
        parameters: {
          timeout: Math.floor(deadlineMs * 1_000),
          fallback: true,
          ...(vectorHash !== undefined && { vector_hash: vectorHash }),
        },
        inputs: [{ name: inputName, datatype: 'FP32', shape: [1, features.length], data: features }],
      },
      () => ({ binary: true, nonFinite: 'refuse' }),
    ),
  );
