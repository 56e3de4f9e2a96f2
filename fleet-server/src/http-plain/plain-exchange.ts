/** A plain request and its answer, as the connection and whoever answers see them. */
import type { CallerSignal } from '@shoal/models';

/** POST; whole. */
export interface PlainRequest {
  readonly url: string;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Nobody writes into it afterwards. */
  readonly body: Buffer;
  readonly remoteAddress: string;
  /** Aborts when the caller has left. */
  readonly signal: CallerSignal;
}

export interface PlainAnswer {
  readonly status: number;
  /** By name in lower case, without the length. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** Where the answer goes: once for each request that was taken. It may be too late for anybody to hear it. */
export interface PlainReply {
  send(answer: PlainAnswer): void;
}

export interface PlainTaker {
  /** Bytes of a body; larger ones are for Node. */
  readonly maxBodyBytes: number;
  recognises(url: string): boolean;
  /** False for what it leaves to Node after all; it has not been looked at then. Must not throw. */
  take(request: PlainRequest, reply: PlainReply): boolean;
  /** A caller left in the middle of a body that would have been taken. */
  noteAbandoned(): void;
}
