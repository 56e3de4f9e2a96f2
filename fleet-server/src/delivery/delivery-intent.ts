/** What somebody upstream or downstream wants to be told to the outside, and how it is seen on its way. */
import type { DeliveryChannel, DeliveryState, JsonObject } from '@shoal/protocol';

export interface DeliveryIntent {
  /** Chosen by whoever hands it over: 1-128 of A-Z, a-z, 0-9, "_.-". The same id again changes nothing. */
  readonly id: string;
  readonly channel: DeliveryChannel;
  /** What it tells, for example `alert.fired`. */
  readonly subject: string;
  readonly body: JsonObject;
  /** What it is about, for example `{ kind: 'alert', id: 'a-7f3c' }`. */
  readonly source: { readonly kind: string; readonly id: string };
}

/** A delivery on its way, as the dispatcher has it. */
export interface DueDelivery {
  readonly id: string;
  readonly channel: DeliveryChannel;
  readonly destination: string;
  readonly subject: string;
  readonly body: string;
  readonly createdAt: number;
  readonly roundStartedAt: number;
  readonly attempts: number;
  readonly roundAttempts: number;
}

export interface Fault {
  /** Of the catalogue. */
  readonly code: string;
  readonly message: string;
}

/** What one attempt came to. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly status: number | null; readonly answer: string | null }
  | {
      readonly kind: 'failed';
      readonly status: number | null;
      readonly answer: string | null;
      readonly fault: Fault;
      /** It will not get better by itself. */
      readonly isFinal: boolean;
      /** The receiver asked for such a pause. */
      readonly retryAfterMs: number | null;
    };

/** An attempt with where it leaves its delivery. */
export interface AttemptRecord {
  readonly delivery: DueDelivery;
  readonly at: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
  readonly state: DeliveryState;
  readonly nextAttemptAt: number | null;
}

/** What shares a limit of attempts at once. */
export const destinationOf = (channel: DeliveryChannel): string => {
  if (channel.type !== 'webhook') return channel.type;
  return URL.canParse(channel.url) ? new URL(channel.url).host : 'webhook';
};
