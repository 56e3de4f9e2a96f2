/** Rows of the audit trail; appended inside the transaction of the change they tell of. */
import type { AuditEntryRow, Connection, Transaction } from '../db/database.ts';
import { FIRST_HASH, chainHash, type ChainPosition } from './audit-chain.ts';

export type NewAuditRow = Omit<AuditEntryRow, 'id' | 'hash'>;

export interface AuditFilter {
  readonly subject: string | undefined;
  readonly action: string | undefined;
}

const HEAD = 1;

export const asChained = (row: AuditEntryRow) => ({
  id: row.id,
  at: row.at,
  principal: row.principal,
  from: row.from_address,
  action: row.action,
  subject: row.subject,
  before: row.before_state,
  after: row.after_state,
  hash: row.hash,
});

export class AuditStore {
  /**
   * Appends in order and moves the head. The update of the one head row comes first: it takes the row lock, so that
   * concurrent transactions of PostgreSQL queue up and the chain never forks.
   */
  async append(transaction: Transaction, rows: readonly NewAuditRow[]): Promise<void> {
    if (rows.length === 0) return;
    await transaction
      .insertInto('audit_head')
      .values({ id: HEAD, last_id: 0, hash: FIRST_HASH })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
    const head = await transaction
      .updateTable('audit_head')
      .set((set) => ({ last_id: set('last_id', '+', rows.length) }))
      .where('id', '=', HEAD)
      .returning(['last_id', 'hash'])
      .executeTakeFirstOrThrow();
    let position: ChainPosition = { lastId: head.last_id - rows.length, hash: head.hash };
    const chained: AuditEntryRow[] = [];
    for (const row of rows) {
      const id = position.lastId + 1;
      const hash = chainHash(position.hash, asChained({ ...row, id, hash: '' }));
      chained.push({ ...row, id, hash });
      position = { lastId: id, hash };
    }
    await transaction.insertInto('audit_entries').values(chained).execute();
    await transaction.updateTable('audit_head').set({ hash: position.hash }).where('id', '=', HEAD).execute();
  }

  /** Newest first, below `beforeId`. */
  async newest(db: Connection, filter: AuditFilter, limit: number, beforeId?: number): Promise<AuditEntryRow[]> {
    let query = db.selectFrom('audit_entries').selectAll().orderBy('id', 'desc').limit(limit);
    if (filter.subject !== undefined) query = query.where('subject', '=', filter.subject);
    if (filter.action !== undefined) query = query.where('action', '=', filter.action);
    if (beforeId !== undefined) query = query.where('id', '<', beforeId);
    return query.execute();
  }

  /** Oldest first, after `afterId`. */
  async following(db: Connection, afterId: number, limit: number): Promise<AuditEntryRow[]> {
    return db.selectFrom('audit_entries').selectAll().where('id', '>', afterId).orderBy('id').limit(limit).execute();
  }

  async head(db: Connection): Promise<ChainPosition> {
    const row = await db.selectFrom('audit_head').select(['last_id', 'hash']).where('id', '=', HEAD).executeTakeFirst();
    return row ? { lastId: row.last_id, hash: row.hash } : { lastId: 0, hash: FIRST_HASH };
  }
}
