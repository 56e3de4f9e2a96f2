/** An MQTT broker on this machine, as sensors and rules see it. */

export interface LocalBrokerAddress {
  /** Loopback only: without credentials nothing leaves the machine (decision 12). */
  readonly host: string;
  readonly port: number;
  readonly keepaliveSeconds: number;
  readonly connectTimeoutMs: number;
}

export interface LocalMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** What the broker had kept from before this connection. */
  readonly retained: boolean;
}

export interface LocalBrokerSession {
  /** Resolves when the broker has accepted. Throws LOCAL_BROKER_FAILED. */
  subscribe(filter: string, qos: 0 | 1, onMessage: (message: LocalMessage) => void): Promise<void>;
  /** Resolves with the broker's acknowledgement for QoS 1. Throws LOCAL_BROKER_FAILED. */
  publish(message: { topic: string; payload: string; qos: 0 | 1; retain: boolean }): Promise<void>;
  /** Resolves with the sentence of why, when the connection has ended. */
  readonly closed: Promise<string>;
  close(): void;
}

/** One connection that never comes back by itself. Throws LOCAL_BROKER_FAILED, also when `signal` aborts. */
export type OpenLocalBroker = (address: LocalBrokerAddress, signal: AbortSignal) => Promise<LocalBrokerSession>;
