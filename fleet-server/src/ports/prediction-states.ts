/** What may happen to a ticket in which state, and what it is then: the table that queue and API go by. */
import type { PredictionState } from '@shoal/protocol';

export type TicketEvent = 'lease' | 'release' | 'answer' | 'fail' | 'expire' | 'cancel' | 'retry';

/** A missing entry: it cannot happen, and whoever asks for it is refused. */
export const TICKET_STATES: Readonly<Record<PredictionState, Partial<Readonly<Record<TicketEvent, PredictionState>>>>> =
  {
    queued: { lease: 'running', expire: 'expired', cancel: 'canceled' },
    running: {
      release: 'queued',
      answer: 'succeeded',
      fail: 'failed',
      expire: 'expired',
      cancel: 'canceled',
    },
    succeeded: {},
    failed: { retry: 'queued' },
    canceled: { retry: 'queued' },
    expired: { retry: 'queued' },
  };

/** Undefined: refused. */
export const afterEvent = (state: PredictionState, event: TicketEvent): PredictionState | undefined =>
  TICKET_STATES[state][event];
