/**
 * The durable queue of asynchronous predictions. A **ticket** is what a caller was given; a **run** is the work that answers it,
 * and several tickets may share one. A run is leased with a fencing token, and only who holds the newest token can settle it, so
 * its tickets are answered once, in the same transaction, whoever is killed when.
 */
import type { Page, PredictionAnswer, PredictionState } from '@shoal/protocol';

export interface TicketError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** A ticket as it is stored; what the API shows of it is made from this. Instants in milliseconds. */
export interface StoredTicket {
  readonly ticketId: string;
  readonly state: PredictionState;
  readonly model: string;
  readonly version: string;
  readonly entity: string | null;
  readonly featureVersion: string | null;
  readonly priority: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly attempts: number;
  readonly answers: number;
  readonly answer: PredictionAnswer | null;
  readonly error: TicketError | null;
}

export interface TicketWebhook {
  readonly url: string;
  readonly secretName?: string | undefined;
}

/** What has to be told of a ticket and was not handed over yet: written in the transaction that made it final. */
export interface Untold {
  /** The same however often it is handed over. */
  readonly intentId: string;
  readonly webhook: TicketWebhook;
  /** As it was then. */
  readonly ticket: StoredTicket;
}

export interface NewTicket {
  readonly ticketId: string;
  readonly model: string;
  readonly version: string;
  readonly entity: string | null;
  readonly featureVersion: string | null;
  /** What the model is asked: an inference request of the Open Inference Protocol as JSON. */
  readonly asked: Uint8Array;
  /** Nothing but the entity decides the answer: others may share the run, and find the answer again. */
  readonly isShareable: boolean;
  /** 1 goes first. */
  readonly priority: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** An answer about the entity finished at or after this is answer enough; Infinity for none. */
  readonly freshSince: number;
  /** Told of its end. */
  readonly webhook: TicketWebhook | null;
  readonly key: { readonly text: string; readonly digest: string } | null;
}

/** `fresh`: answered already, no ticket was made. `same`: the key was known. `joined`: shares a run that is open. */
export type Submitted =
  | { readonly kind: 'queued' | 'joined' | 'same' | 'fresh'; readonly ticket: StoredTicket }
  /** The key was known with another body. */
  | { readonly kind: 'conflict'; readonly ticketId: string }
  /** Nothing was stored. */
  | { readonly kind: 'full'; readonly open: number };

export interface LeasedRun {
  readonly runNo: number;
  readonly fence: number;
  readonly model: string;
  readonly version: string;
  readonly entity: string | null;
  readonly asked: Uint8Array;
  /** This lease included. */
  readonly attempts: number;
  /** Attempts before that failed for a reason of their own. */
  readonly failures: number;
}

export type RunOutcome =
  | { readonly kind: 'answered'; readonly answer: PredictionAnswer }
  | { readonly kind: 'failed'; readonly error: TicketError }
  /** It rests and is leased again; `isFailure` counts towards the bound. */
  | { readonly kind: 'again'; readonly dueAt: number; readonly isFailure: boolean; readonly error: TicketError };

export interface SettledRun {
  readonly runNo: number;
  readonly fence: number;
  readonly outcome: RunOutcome;
}

/** One transaction: what is done is settled, what is held on to is renewed, and more is leased. */
export interface QueueTurn {
  readonly now: number;
  readonly settled: readonly SettledRun[];
  readonly renewed: readonly { readonly runNo: number; readonly fence: number }[];
  /** New and renewed leases end then, and others may take them. */
  readonly leaseUntil: number;
  /** Most runs to lease. */
  readonly rows: number;
  /** Most runs to lease of one model version that is not in `rooms`. */
  readonly rowsOfModel: number;
  readonly rooms: readonly { readonly model: string; readonly version: string; readonly rows: number }[];
}

export interface TurnOutcome {
  readonly leased: readonly LeasedRun[];
  /** Tickets that are final now: answered, failed or expired. */
  readonly finished: readonly StoredTicket[];
  /** Outcomes that came with an old fencing token, or of a run that nobody wants any more; they changed nothing. */
  readonly stale: number;
  /** Leases that had ended without an outcome. */
  readonly takenBack: number;
  readonly open: number;
  /** What is to be told of the tickets that are final now. */
  readonly untold: number;
  /** When the next run that rests or lease that ends is due; null for none. */
  readonly nextDueAt: number | null;
}

export interface TicketQuery {
  readonly state: PredictionState | undefined;
  readonly model: string | undefined;
  readonly entity: string | undefined;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** Undefined: no such ticket. `refused`: its state does not allow it, and nothing changed. */
export type TicketChange =
  | { readonly kind: 'changed' | 'refused'; readonly ticket: StoredTicket }
  | { readonly kind: 'full'; readonly open: number };

export abstract class PredictionQueue {
  /** Resolved = on disk. @throws FleetError PREDICTION_QUEUE_UNAVAILABLE (retryable), as all */
  abstract submit(ticket: NewTicket): Promise<Submitted>;
  abstract turn(turn: QueueTurn): Promise<TurnOutcome>;
  /** An open ticket; its run goes on while others share it. */
  abstract cancel(ticketId: string, now: number): Promise<TicketChange | undefined>;
  /** A final ticket that was not answered is open again until `expiresAt`. */
  abstract retry(ticketId: string, now: number, expiresAt: number): Promise<TicketChange | undefined>;
  abstract find(ticketId: string): Promise<StoredTicket | undefined>;
  /** By submission. */
  abstract list(query: TicketQuery): Promise<Page<StoredTicket>>;
  /** The one answered last about an entity. */
  abstract latest(model: string, version: string | undefined, entity: string): Promise<StoredTicket | undefined>;
  /** In the order of their writing, a bounded number. */
  abstract untold(): Promise<readonly Untold[]>;
  /** They were handed over. */
  abstract told(intentIds: readonly string[]): Promise<void>;
  /** Drops tickets that were final before, a bounded number. @returns how many */
  abstract trim(finishedBefore: number): Promise<number>;
}
