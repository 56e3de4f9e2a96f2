/** What people change of a ticket, what time changes of it, and its end. */
import type { Statement } from 'better-sqlite3';
import type { StoredTicket, TicketChange } from '../../../ports/prediction-queue.ts';
import { afterEvent } from '../../../ports/prediction-states.ts';
import type { OpenWork } from './open-work.ts';
import { RUN, TICKET, type Sqlite } from './predictions-file.ts';
import type { QueueBounds } from './thread-messages.ts';
import { SELECT_TICKETS, ticketOf, type TicketRow } from './ticket-rows.ts';

export interface ShownRow {
  readonly ticket: StoredTicket;
  /** JSON. */
  readonly webhook: string | null;
}

/** Tickets that one transaction expires or drops. */
const AT_ONCE = 500;

export class TicketChanges {
  readonly #open: OpenWork;
  readonly #bounds: QueueBounds;
  readonly #find: Statement<[string], TicketRow>;
  readonly #show: Statement<[number], TicketRow>;
  readonly #close: Statement<[number, number, number]>;
  /** Ends a run that nobody waits for any more. */
  readonly #abandon: Statement<[number, number], { bytes: number }>;
  readonly #due: Statement<[number, number], { ticket_no: number; run_no: number }>;
  readonly #copyRun: Statement<[number, number]>;
  readonly #inFlight: Statement<[number], number>;
  readonly #reopen: Statement<[number, number, number, number, number]>;
  readonly #bytes: Statement<[number], number>;
  readonly #old: Statement<[number, number], { ticket_no: number; run_no: number }>;
  readonly #dropTicket: readonly Statement<[number]>[];
  readonly #dropRun: Statement<[number]>;

  constructor(db: Sqlite, open: OpenWork, bounds: QueueBounds) {
    this.#open = open;
    this.#bounds = bounds;
    this.#find = db.prepare(`${SELECT_TICKETS} WHERE t.ticket_id = ?`);
    this.#show = db.prepare(`${SELECT_TICKETS} WHERE t.ticket_no = ?`);
    this.#close = db.prepare('UPDATE tickets SET state = ?, finished_at = ? WHERE ticket_no = ?');
    this.#abandon = db.prepare(
      `UPDATE runs SET state = ${RUN.over}, fence = 0, due_at = NULL, finished_at = ?
      WHERE run_no = ? AND state <> ${RUN.over}
        AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.run_no = runs.run_no AND t.state = ${TICKET.open})
      RETURNING length(asked) AS bytes`,
    );
    this.#due = db.prepare(
      `SELECT ticket_no, run_no FROM tickets WHERE state = ${TICKET.open} AND expires_at <= ? ORDER BY expires_at LIMIT ?`,
    );
    this.#copyRun = db.prepare(
      `INSERT INTO runs (model_no, entity, feature_version, is_shared, asked, priority, state)
      SELECT model_no, entity, feature_version, is_shared, asked, ?, ${RUN.ready} FROM runs WHERE run_no = ?`,
    );
    this.#inFlight = db
      .prepare<[number], number>(
        `SELECT f.run_no FROM runs r JOIN runs f ON f.model_no = r.model_no AND f.entity = r.entity
          AND f.feature_version = r.feature_version AND f.is_shared = 1 AND f.finished_at IS NULL
        WHERE r.run_no = ? AND r.is_shared = 1`,
      )
      .pluck() as Statement<[number], number>;
    this.#reopen = db.prepare(
      `UPDATE tickets SET state = ${TICKET.open}, finished_at = NULL, expires_at = ?, earlier_attempts = earlier_attempts +
        (SELECT attempts FROM runs WHERE run_no = ?), run_no = ? WHERE ticket_no = ? AND run_no = ?`,
    );
    this.#bytes = db.prepare<[number], number>('SELECT length(asked) FROM runs WHERE run_no = ?').pluck() as Statement<
      [number],
      number
    >;
    this.#old = db.prepare('SELECT ticket_no, run_no FROM tickets WHERE finished_at < ? ORDER BY finished_at LIMIT ?');
    this.#dropTicket = ['keys', 'answers', 'tickets'].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE ticket_no = ?`),
    );
    this.#dropRun = db.prepare(
      'DELETE FROM runs WHERE run_no = ? AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.run_no = runs.run_no)',
    );
  }

  row(ticketNo: number): ShownRow {
    const row = this.#show.get(ticketNo) as TicketRow;
    return { ticket: ticketOf(row), webhook: row.webhook };
  }

  cancel(ticketId: string, now: number): TicketChange | null {
    const row = this.#find.get(ticketId);
    if (row === undefined) return null;
    const ticket = ticketOf(row);
    if (afterEvent(ticket.state, 'cancel') === undefined) return { kind: 'refused', ticket };
    this.#end(row, TICKET.canceled, now);
    return { kind: 'changed', ticket: this.row(row.ticket_no).ticket };
  }

  /** Joins a run about the same that is open, as a new ticket would. */
  retry(ticketId: string, now: number, expiresAt: number): TicketChange | null {
    const row = this.#find.get(ticketId);
    if (row === undefined) return null;
    const ticket = ticketOf(row);
    if (afterEvent(ticket.state, 'retry') === undefined) return { kind: 'refused', ticket };
    if (this.#open.tickets >= this.#bounds.maxOpen) return { kind: 'full', open: this.#open.tickets };
    const runNo = this.#inFlight.get(row.run_no) ?? this.#runAgain(row);
    this.#reopen.run(expiresAt, row.run_no, runNo, row.ticket_no, row.run_no);
    this.#open.tickets += 1;
    this.#dropRun.run(row.run_no);
    return { kind: 'changed', ticket: this.row(row.ticket_no).ticket };
  }

  /** @returns the tickets that are final now, a bounded number */
  expire(now: number): number[] {
    const due = this.#due.all(now, AT_ONCE);
    for (const row of due) this.#end(row, TICKET.expired, now);
    return due.map(({ ticket_no: ticketNo }) => ticketNo);
  }

  trim(finishedBefore: number): number {
    const old = this.#old.all(finishedBefore, AT_ONCE);
    for (const { ticket_no: ticketNo, run_no: runNo } of old) {
      for (const statement of this.#dropTicket) statement.run(ticketNo);
      this.#dropRun.run(runNo);
    }
    return old.length;
  }

  #end(
    { ticket_no: ticketNo, run_no: runNo }: Pick<TicketRow, 'ticket_no' | 'run_no'>,
    state: number,
    now: number,
  ): void {
    this.#close.run(state, now, ticketNo);
    this.#open.tickets -= 1;
    this.#open.bytes -= this.#abandon.get(now, runNo)?.bytes ?? 0;
  }

  #runAgain({ priority, run_no: runNo }: TicketRow): number {
    this.#open.bytes += this.#bytes.get(runNo) ?? 0;
    return Number(this.#copyRun.run(priority, runNo).lastInsertRowid);
  }
}
