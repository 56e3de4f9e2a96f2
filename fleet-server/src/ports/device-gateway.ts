/** The way to and from devices. Upward messages reach capabilities through the transport strategy's event patterns. */
import { claimedBytes, type Principal, type UpTopic } from '@shoal/protocol';

/** One QoS 1 (or 0) publish of a device, already authenticated, authorised and within the frame bound. */
export interface UpMessage {
  readonly principal: Principal;
  readonly deviceId: string;
  readonly topic: UpTopic;
  readonly topicName: string;
  readonly payload: Uint8Array;
  readonly receivedAt: number;
  /** Ours, per socket; not the `connectionId` a birth names. */
  readonly socketId: number;
}

/** A publish under a device's own `up/` that the contract does not know; kept as a dead letter and acknowledged. */
export interface RefusedMessage extends Omit<UpMessage, 'topic'> {
  /** A code of the error catalogue. */
  readonly reason: string;
  readonly detail: string;
}

/** What a third party may say, which is next to nothing. */
export type ThirdPartyMessage = Omit<UpMessage, 'topic' | 'deviceId'>;

/** JSON bytes up to which a publish of records is light: some dozens of records, decoded in a fraction of a millisecond. */
const LIGHT_BYTES = 8_192;

/** Live records come a few at a time, a backlog in as large messages as there may be: what is light goes first. */
export const isLight = (payload: Uint8Array): boolean => claimedBytes(payload) <= LIGHT_BYTES;

export interface ConnectionChange {
  readonly deviceId: string;
  readonly socketId: number;
  readonly remoteAddress: string;
  readonly at: number;
  /** For a disconnect: what ended it, for people. */
  readonly why: string;
}

/**
 * Event patterns of the transport. A handler's promise is the acknowledgement: resolved = PUBACK goes out, rejected =
 * nothing is acknowledged and the connection is closed. A poison message must therefore be recorded and resolved.
 * `records` gets `UpMessage[]` (`@EventPattern(UP.records, { batch: true })`) and resolves to the number of records per
 * message, which is charged to the device's rate; all others get one `UpMessage`.
 */
export const UP = {
  records: 'up/records',
  presence: 'up/presence',
  twin: 'up/twin',
  command: 'up/command',
  time: 'up/request/time',
  context: 'up/request/context',
  twinGet: 'up/request/twin.get',
  infer: 'up/request/infer',
  inferCancel: 'up/request/infer.cancel',
  blob: 'up/request/blob',
  enrolRenew: 'up/request/enrol.renew',
  /** `RefusedMessage`. */
  refused: 'up/refused',
  /** `ThirdPartyMessage`: birth or last will of Home Assistant. */
  homeAssistantStatus: 'third-party/home-assistant-status',
  /** `ConnectionChange`; a device's session exists. */
  connected: 'gateway/connected',
  /** `ConnectionChange`; its subscription to its own `down/#` stands, so what it missed can be sent. */
  subscribed: 'gateway/subscribed',
  disconnected: 'gateway/disconnected',
} as const;

export interface OutMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export abstract class DeviceGateway {
  /**
   * To one device's `down/` topics, at QoS 1.
   * @returns false when the device has no live subscription here: nothing was sent and nothing is queued.
   */
  abstract send(deviceId: string, topic: string, payload: Uint8Array): Promise<boolean>;
  /** Whether it listens: what is published before or after goes nowhere. */
  abstract isOpen(): boolean;
  /** To whoever subscribes to a public topic. */
  abstract publish(message: OutMessage): Promise<void>;
  /** Cheap; `live/` topics are only built while somebody listens. */
  abstract hasPublicSubscribers(): boolean;
  abstract isConnected(deviceId: string): boolean;
  abstract connectionCount(): number;
  /** Closes the device's live connection, if any. */
  abstract disconnect(deviceId: string, why: string): Promise<void>;
}
