/** What webhooks are to be told of tickets that are final: written in the same transaction, kept until it was handed over. */
import type { Statement } from 'better-sqlite3';
import type { Sqlite } from './predictions-file.ts';
import type { ShownRow } from './ticket-changes.ts';

export class UntoldNews {
  readonly #add: Statement<[string, string]>;
  readonly #name: Statement<[string, number]>;
  readonly #forget: Statement<[string]>;

  constructor(db: Sqlite) {
    this.#add = db.prepare('INSERT INTO untold (webhook, ticket) VALUES (?, ?)');
    this.#name = db.prepare('UPDATE untold SET intent_id = ? WHERE intent_no = ?');
    this.#forget = db.prepare('DELETE FROM untold WHERE intent_id = ?');
  }

  /** A ticket that is final again after a retry is another piece of news. @returns how many there are to tell */
  write(finished: readonly ShownRow[]): number {
    let count = 0;
    for (const { ticket, webhook } of finished) {
      if (webhook === null) continue;
      const intentNo = Number(this.#add.run(webhook, JSON.stringify(ticket)).lastInsertRowid);
      this.#name.run(`${ticket.ticketId}.${intentNo}`, intentNo);
      count += 1;
    }
    return count;
  }

  forget(intentIds: readonly string[]): null {
    for (const intentId of intentIds) this.#forget.run(intentId);
    return null;
  }
}
