/** What the prediction queue and its two threads say to each other. */
import type { Page } from '@shoal/protocol';
import type {
  NewTicket,
  QueueTurn,
  StoredTicket,
  Submitted,
  TicketChange,
  TicketQuery,
  TurnOutcome,
  Untold,
} from '../../../ports/prediction-queue.ts';

export interface QueueBounds {
  /** Open tickets. */
  readonly maxOpen: number;
  /** Bytes that open runs ask. */
  readonly maxOpenBytes: number;
}

export interface ThreadData extends QueueBounds {
  readonly file: string;
}

/** Per job: what is asked and what is answered. */
export interface WriterJobs {
  submit: { ask: readonly NewTicket[]; answer: Submitted[] };
  turn: { ask: QueueTurn; answer: TurnOutcome };
  cancel: { ask: { ticketId: string; now: number }; answer: TicketChange | null };
  retry: { ask: { ticketId: string; now: number; expiresAt: number }; answer: TicketChange | null };
  untold: { ask: null; answer: Untold[] };
  told: { ask: { intentIds: readonly string[] }; answer: null };
  trim: { ask: { finishedBefore: number }; answer: number };
  /** Leases of a process that is gone; the first job of every writer. */
  takeBack: { ask: null; answer: number };
  close: { ask: null; answer: null };
}

export interface ReaderJobs {
  find: { ask: { ticketId: string }; answer: StoredTicket | null };
  list: { ask: TicketQuery; answer: Page<StoredTicket> };
  latest: { ask: { model: string; version: string | undefined; entity: string }; answer: StoredTicket | null };
  close: { ask: null; answer: null };
}
