/** Rows of targets. */
import type { SystemTargetQuery } from '@shoal/protocol';
import type { Connection, SystemTargetRow, Transaction } from '../../db/database.ts';
import { ofState } from './actions.store.ts';

export class TargetsStore {
  async find(db: Connection, targetId: string): Promise<SystemTargetRow | undefined> {
    return db.selectFrom('system_targets').selectAll().where('target_id', '=', targetId).executeTakeFirst();
  }

  async count(db: Connection): Promise<number> {
    const row = await db
      .selectFrom('system_targets')
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  }

  async add(transaction: Transaction, row: SystemTargetRow): Promise<void> {
    await transaction.insertInto('system_targets').values(row).execute();
  }

  async change(db: Connection, targetId: string, changes: Partial<SystemTargetRow>): Promise<void> {
    await db.updateTable('system_targets').set(changes).where('target_id', '=', targetId).execute();
  }

  async remove(transaction: Transaction, targetId: string): Promise<void> {
    await transaction.deleteFrom('system_targets').where('target_id', '=', targetId).execute();
  }

  async isInstalled(db: Connection, image: string): Promise<boolean> {
    const row = await db
      .selectFrom('system_targets')
      .select('target_id')
      .where('installed_image', '=', image)
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** By id, after one. */
  async page(
    db: Connection,
    { state, installed }: Partial<SystemTargetQuery>,
    { after, limit, heardBefore }: { readonly after: string; readonly limit: number; readonly heardBefore: number },
  ): Promise<SystemTargetRow[]> {
    let query = db.selectFrom('system_targets').selectAll().where('target_id', '>', after);
    if (installed !== undefined) query = query.where('installed_image', '=', installed);
    if (state !== undefined)
      query = query.where('newest_action', 'in', ofState(db, state, heardBefore).select('action_id'));
    return query.orderBy('target_id').limit(limit).execute();
  }
}
