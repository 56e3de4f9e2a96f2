/** Tickets as rows, and as the port gives them. */
import type { PredictionAnswer, PredictionState } from '@shoal/protocol';
import type { StoredTicket, TicketError } from '../../../ports/prediction-queue.ts';
import { RUN, TICKET } from './predictions-file.ts';

export interface TicketRow {
  readonly ticket_no: number;
  readonly ticket_id: string;
  readonly run_no: number;
  readonly state: number;
  readonly run_state: number;
  readonly name: string;
  readonly version: string;
  readonly entity: string | null;
  readonly feature_version: string | null;
  readonly priority: number;
  readonly created_at: number;
  readonly expires_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly attempts: number;
  readonly answers: number;
  readonly answer: string | null;
  readonly error: string | null;
  readonly webhook: string | null;
}

/** To be followed by conditions on `t` (tickets), `r` (runs) and `m` (models). */
export const SELECT_TICKETS = `
  SELECT t.ticket_no, t.ticket_id, t.run_no, t.state, r.state AS run_state, m.name, m.version, t.entity, r.feature_version,
    t.priority, t.created_at, t.expires_at, r.started_at, t.finished_at, t.earlier_attempts + r.attempts AS attempts,
    (SELECT count(*) FROM answers a WHERE a.ticket_no = t.ticket_no) AS answers, r.answer, r.error, t.webhook
  FROM tickets t JOIN runs r ON r.run_no = t.run_no JOIN models m ON m.model_no = t.model_no`;

const FINAL: readonly PredictionState[] = ['queued', 'succeeded', 'failed', 'canceled', 'expired'];

const stateOf = ({ state, run_state: run }: TicketRow): PredictionState =>
  state === TICKET.open && run === RUN.leased ? 'running' : (FINAL[state] ?? 'queued');

/** What a run came to belongs to a ticket that was open then, and not to one that was canceled before. */
export const ticketOf = (row: TicketRow): StoredTicket => ({
  ticketId: row.ticket_id,
  state: stateOf(row),
  model: row.name,
  version: row.version,
  entity: row.entity,
  featureVersion: row.feature_version,
  priority: row.priority,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  attempts: row.attempts,
  answers: row.answers,
  answer: row.state === TICKET.succeeded && row.answer !== null ? (JSON.parse(row.answer) as PredictionAnswer) : null,
  error:
    (row.state === TICKET.failed || row.state === TICKET.open) && row.error !== null
      ? (JSON.parse(row.error) as TicketError)
      : null,
});
