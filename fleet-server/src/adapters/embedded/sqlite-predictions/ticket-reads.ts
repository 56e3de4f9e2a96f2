/** Tickets by id, in pages, and the newest about an entity. */
import type { Page } from '@shoal/protocol';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type { StoredTicket, TicketQuery, TicketWebhook, Untold } from '../../../ports/prediction-queue.ts';
import { RUN, TICKET, type Sqlite } from './predictions-file.ts';
import { SELECT_TICKETS, ticketOf, type TicketRow } from './ticket-rows.ts';

/** News handed over together. */
const UNTOLD_AT_ONCE = 100;
const LAST = Number.MAX_SAFE_INTEGER;

const OF_STATE: Readonly<Record<StoredTicket['state'], string>> = {
  queued: `t.state = ${TICKET.open} AND r.state <> ${RUN.leased}`,
  running: `t.state = ${TICKET.open} AND r.state = ${RUN.leased}`,
  succeeded: `t.state = ${TICKET.succeeded}`,
  failed: `t.state = ${TICKET.failed}`,
  canceled: `t.state = ${TICKET.canceled}`,
  expired: `t.state = ${TICKET.expired}`,
};

export class TicketReads {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  find(ticketId: string): StoredTicket | null {
    const row = this.#db.prepare<[string], TicketRow>(`${SELECT_TICKETS} WHERE t.ticket_id = ?`).get(ticketId);
    return row === undefined ? null : ticketOf(row);
  }

  list(query: TicketQuery): Page<StoredTicket> {
    const { state, model, entity, from, to, order, limit, cursor } = query;
    const after = cursor === undefined ? undefined : Number(decodeCursor(cursor, ['number'])[0]);
    const isUp = order === 'asc';
    const conditions: readonly (readonly [string, string | number] | undefined)[] = [
      [isUp ? 't.ticket_no > ?' : 't.ticket_no < ?', after ?? (isUp ? 0 : LAST)],
      state && [`${OF_STATE[state]} AND ?`, 1],
      model === undefined ? undefined : ['m.name = ?', model],
      entity === undefined ? undefined : ['t.entity = ?', entity],
      from === undefined ? undefined : ['t.created_at >= ?', from],
      to === undefined ? undefined : ['t.created_at < ?', to],
    ];
    const used = conditions.filter((condition) => condition !== undefined);
    const where = used.map(([condition]) => condition).join(' AND ');
    const sql = `${SELECT_TICKETS} WHERE ${where} ORDER BY t.ticket_no ${isUp ? 'ASC' : 'DESC'} LIMIT ?`;
    const rows = this.#db.prepare<unknown[], TicketRow>(sql).all(...used.map(([, value]) => value), limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map(ticketOf),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.ticket_no]) : null,
    };
  }

  untold(): Untold[] {
    return this.#db
      .prepare<[number], { intent_id: string; webhook: string; ticket: string }>(
        'SELECT intent_id, webhook, ticket FROM untold ORDER BY intent_no LIMIT ?',
      )
      .all(UNTOLD_AT_ONCE)
      .map(({ intent_id: intentId, webhook, ticket }) => ({
        intentId,
        webhook: JSON.parse(webhook) as TicketWebhook,
        ticket: JSON.parse(ticket) as StoredTicket,
      }));
  }

  latest(model: string, version: string | undefined, entity: string): StoredTicket | null {
    const row = this.#db
      .prepare<unknown[], TicketRow>(
        `${SELECT_TICKETS} WHERE t.entity = ? AND t.state = ${TICKET.succeeded} AND m.name = ?
          AND (? IS NULL OR m.version = ?)
        ORDER BY t.finished_at DESC, t.ticket_no DESC LIMIT 1`,
      )
      .get(entity, model, version ?? null, version ?? null);
    return row === undefined ? null : ticketOf(row);
  }
}
