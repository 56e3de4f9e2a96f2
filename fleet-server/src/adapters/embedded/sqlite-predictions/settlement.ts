/** Ends runs with what they came to, as far as their lease holds, and their tickets with them in the same transaction. */
import type { Statement } from 'better-sqlite3';
import type { SettledRun } from '../../../ports/prediction-queue.ts';
import type { OpenWork } from './open-work.ts';
import { RUN, TICKET, type Sqlite } from './predictions-file.ts';

interface Ended {
  readonly attempts: number;
  readonly bytes: number;
}

export class Settlement {
  readonly #open: OpenWork;
  readonly #end: Statement<unknown[], Ended>;
  readonly #rest: Statement<unknown[]>;
  readonly #close: Statement<[number, number, number], { ticket_no: number }>;
  readonly #note: Statement<[number, number, number, number, number]>;

  constructor(db: Sqlite, open: OpenWork) {
    this.#open = open;
    this.#end = db.prepare(
      `UPDATE runs SET state = ${RUN.over}, fence = 0, due_at = NULL, finished_at = ?, answer = ?, error = ?
      WHERE run_no = ? AND fence = ? AND state = ${RUN.leased} RETURNING attempts, length(asked) AS bytes`,
    );
    this.#rest = db.prepare(
      `UPDATE runs SET state = ${RUN.resting}, fence = 0, due_at = ?, failures = failures + ?, error = ?
      WHERE run_no = ? AND fence = ? AND state = ${RUN.leased}`,
    );
    this.#close = db.prepare(
      `UPDATE tickets SET state = ?, finished_at = ? WHERE run_no = ? AND state = ${TICKET.open} RETURNING ticket_no`,
    );
    this.#note = db.prepare('INSERT INTO answers (ticket_no, run_no, attempt, fence, at) VALUES (?, ?, ?, ?, ?)');
  }

  /** @returns the tickets that are final now; undefined when the lease was no longer held and nothing changed */
  settle({ runNo, fence, outcome }: SettledRun, now: number): number[] | undefined {
    if (outcome.kind === 'again') {
      const { dueAt, isFailure, error } = outcome;
      const rested = this.#rest.run(dueAt, isFailure ? 1 : 0, JSON.stringify(error), runNo, fence);
      return rested.changes === 0 ? undefined : [];
    }
    const answer = outcome.kind === 'answered' ? JSON.stringify(outcome.answer) : null;
    const error = outcome.kind === 'failed' ? JSON.stringify(outcome.error) : null;
    const ended = this.#end.get(now, answer, error, runNo, fence);
    if (ended === undefined) return undefined;
    this.#open.bytes -= ended.bytes;
    const state = outcome.kind === 'answered' ? TICKET.succeeded : TICKET.failed;
    const closed = this.#close.all(state, now, runNo).map(({ ticket_no: ticketNo }) => ticketNo);
    for (const ticketNo of closed) this.#note.run(ticketNo, runNo, ended.attempts, fence, now);
    this.#open.tickets -= closed.length;
    return closed;
  }
}
