/** Requests to the fleet server that wait for their reply, each with a deadline. */
import {
  decodeFrame,
  encodeFrame,
  replyBodySchemas,
  replySchema,
  topics,
  type Reply,
  type ReplyBodyOf,
  type ServedMethod,
} from '@shoal/protocol/wire';
import { AgentError } from '../errors.ts';
import { randomId } from '../runtime.ts';

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: AgentError) => void;
  readonly timer: NodeJS.Timeout;
}

type Publish = (topic: string, payload: Uint8Array) => Promise<void>;

/** Belongs to one connection. */
export class RequestDesk {
  readonly #deviceId: string;
  readonly #publish: Publish;
  readonly #waiting = new Map<string, Waiting>();

  constructor(deviceId: string, publish: Publish) {
    this.#deviceId = deviceId;
    this.#publish = publish;
  }

  /** Throws REQUEST_TIMED_OUT, REQUEST_REFUSED, REPLY_INVALID, LINK_LOST. */
  async request<M extends ServedMethod>(method: M, body: object, deadlineMs: number): Promise<ReplyBodyOf[M]> {
    const requestId = `r-${randomId()}`;
    const replied = this.awaitReply(requestId, deadlineMs);
    const frame = encodeFrame({ v: 1, requestId, deadlineMs, body });
    this.#publish(topics.request(this.#deviceId, method), frame).catch((error: unknown) =>
      this.#fail(requestId, error),
    );
    const reply = await replied;
    if (reply.outcome !== 'ok') {
      const why = reply.error?.message ?? reply.outcome;
      throw new AgentError('REQUEST_REFUSED', `The fleet server answered "${reply.outcome}" to ${method}: ${why}`);
    }
    const parsed = replyBodySchemas[method].safeParse(reply.body);
    if (parsed.success) return parsed.data as ReplyBodyOf[M];
    throw new AgentError('REPLY_INVALID', `The reply to ${method} does not match its schema.`, { cause: parsed.error });
  }

  /** For replies that something else than a request brings about. Throws REQUEST_TIMED_OUT. */
  awaitReply(requestId: string, deadlineMs: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#fail(requestId, new AgentError('REQUEST_TIMED_OUT', `No reply to ${requestId} within ${deadlineMs} ms.`));
      }, deadlineMs);
      this.#waiting.set(requestId, { resolve, reject, timer });
    });
  }

  /** A message on `down/reply/{requestId}`; false when nobody waits for it or it is none. */
  deliver(requestId: string, payload: Uint8Array): boolean {
    const reply = parseReply(payload);
    const waiting = this.#take(requestId);
    if (reply === undefined) {
      waiting?.reject(new AgentError('REPLY_INVALID', `The reply to ${requestId} does not match its schema.`));
      return false;
    }
    waiting?.resolve(reply);
    return waiting !== undefined;
  }

  /** The connection is over. */
  close(): void {
    for (const requestId of this.#waiting.keys()) {
      this.#fail(requestId, new AgentError('LINK_LOST', 'The connection ended before the reply came.'));
    }
  }

  #take(requestId: string): Waiting | undefined {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #fail(requestId: string, error: unknown): void {
    const fault = error instanceof AgentError ? error : new AgentError('LINK_LOST', String(error), { cause: error });
    this.#take(requestId)?.reject(fault);
  }
}

const parseReply = (payload: Uint8Array): Reply | undefined => {
  try {
    return replySchema.parse(decodeFrame(payload));
  } catch {
    return undefined;
  }
};
