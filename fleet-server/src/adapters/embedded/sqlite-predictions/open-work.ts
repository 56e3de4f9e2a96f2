/** How much is open: counted once when the file is opened, then kept beside the rows. */
import { RUN, TICKET, type Sqlite } from './predictions-file.ts';

export class OpenWork {
  readonly #db: Sqlite;
  tickets = 0;
  bytes = 0;

  constructor(db: Sqlite) {
    this.#db = db;
    this.recount();
  }

  /** Also after a transaction that was rolled back. */
  recount(): void {
    const count = this.#db.prepare<[], { tickets: number; bytes: number }>(
      `SELECT (SELECT count(*) FROM tickets WHERE state = ${TICKET.open}) AS tickets,
        (SELECT coalesce(sum(length(asked)), 0) FROM runs WHERE state <> ${RUN.over}) AS bytes`,
    );
    ({ tickets: this.tickets, bytes: this.bytes } = count.get() ?? { tickets: 0, bytes: 0 });
  }
}
