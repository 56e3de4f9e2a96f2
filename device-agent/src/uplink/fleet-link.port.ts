/** The way to the fleet server as the rest of the agent sees it: sessions, messages, requests with a deadline. */
import type { AgentError } from '../errors.ts';
import type { BirthReply, DownTopic, ReplyBodyOf, ServedMethod, Will } from '@shoal/protocol/wire';

/** One live connection, subscribed to everything the server says to this device. */
export interface LinkSession {
  readonly connectionId: string;
  /** QoS 1; resolves with the acknowledgement, rejects with LINK_LOST. Order on the wire is the order of the calls. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  /** Resolves once, with the reason, when the connection is over for whatever cause. */
  readonly closed: Promise<AgentError>;
  /** Ends it at once; what is in flight rejects. */
  abort(why: AgentError): void;
  /** Sends the farewell, waits for its acknowledgement, then disconnects in good order. */
  leave(farewell: Will): Promise<void>;
}

export interface OpenRequest {
  readonly connectionId: string;
  readonly onMessage: (topic: DownTopic, payload: Uint8Array) => void;
}

export interface FleetLink {
  /** Resolves when connected and subscribed. Throws LINK_CONNECT_FAILED, LINK_REFUSED. */
  open(request: OpenRequest, signal: AbortSignal): Promise<LinkSession>;
}

/** What a part may do while the server knows this device to be online. */
export interface FleetConnection {
  readonly birth: BirthReply;
  publish(topic: string, payload: Uint8Array): Promise<void>;
  /** Throws REQUEST_TIMED_OUT, REQUEST_REFUSED, REPLY_INVALID, LINK_LOST. */
  request<M extends ServedMethod>(method: M, body: object, deadlineMs: number): Promise<ReplyBodyOf[M]>;
  /** Ends the connection; a new one follows at once. For what another birth mends. */
  renew(why: string): void;
  /** Ends the connection; a new one follows after the usual pause. */
  abort(why: AgentError): void;
}

/** A part that takes part in every connection. Nothing it does may hold up the others. */
export interface LinkParticipant {
  /** After the server answered the birth. */
  online?(connection: FleetConnection): void;
  offline?(): void;
  message?(topic: DownTopic, payload: Uint8Array): void;
}
