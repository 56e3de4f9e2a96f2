/** A queue in a folder as the durability check asks about it: was a ticket stored, was its answer. */
import { join } from 'node:path';
import { integrityFaults, openForCheck } from '../kill/database/open-for-check.ts';
import type { OpenRecords } from '../kill/database/stored-records.ts';

/** What may have been promised of a ticket, in place of the sequence of a record. */
export const PROMISED = { ticket: 1, answer: 2 } as const;

export const openTicketRecords: OpenRecords = (folder) => {
  const db = openForCheck(join(folder, 'predictions.db'));
  if (db === undefined) return undefined;
  const count = (sql: string, ticketId: string): number =>
    Number(db.prepare<[string], number>(sql).pluck().get(ticketId));
  const hasTables = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'tickets'").get() !== undefined;
  return {
    faults: () => integrityFaults(db),
    copiesOf: (ticketId, _, what) => {
      if (!hasTables) return 0;
      if (what === PROMISED.ticket) return count('SELECT count(*) FROM tickets WHERE ticket_id = ?', ticketId);
      const answers = 'SELECT count(*) FROM answers JOIN tickets USING (ticket_no) WHERE ticket_id = ?';
      return count(answers, ticketId);
    },
    rows: () => Number(db.prepare<[], number>('SELECT count(*) FROM tickets').pluck().get()),
    close: () => db.close(),
  };
};
