/** Rows of rules of alerts. */
import type { AlertRuleRow, Connection, Transaction } from '../db/database.ts';

export class AlertRulesStore {
  /** By name. */
  async all(db: Connection): Promise<AlertRuleRow[]> {
    return db.selectFrom('alert_rules').selectAll().orderBy('name').execute();
  }

  async page(db: Connection, after: string, limit: number): Promise<AlertRuleRow[]> {
    return db.selectFrom('alert_rules').selectAll().where('name', '>', after).orderBy('name').limit(limit).execute();
  }

  async find(db: Connection, name: string): Promise<AlertRuleRow | undefined> {
    return db.selectFrom('alert_rules').selectAll().where('name', '=', name).executeTakeFirst();
  }

  async count(db: Connection): Promise<number> {
    const row = await db
      .selectFrom('alert_rules')
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  }

  /** @returns false when the revision moved on meanwhile */
  async write(transaction: Transaction, row: AlertRuleRow): Promise<boolean> {
    const written = await transaction
      .insertInto('alert_rules')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet((set) => ({
            definition: set.ref('excluded.definition'),
            revision: set.ref('excluded.revision'),
            updated_at: set.ref('excluded.updated_at'),
          }))
          .where('alert_rules.revision', '=', row.revision - 1),
      )
      .returning('revision')
      .execute();
    return written.length > 0;
  }

  async remove(transaction: Transaction, name: string): Promise<void> {
    await transaction.deleteFrom('alert_rules').where('name', '=', name).execute();
  }
}
