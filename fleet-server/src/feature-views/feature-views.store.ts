/** Rows of feature views: the current version of each name, and all versions by hash. */
import type { EntityView } from '@shoal/protocol';
import type { Connection, FeatureViewRow, Transaction } from '../db/database.ts';

export interface StoredVersion {
  readonly view: EntityView;
  readonly hash: string;
}

export class FeatureViewsStore {
  async current(db: Connection): Promise<FeatureViewRow[]> {
    return db.selectFrom('feature_views').selectAll().orderBy('name').execute();
  }

  /** Oldest first. */
  async versions(db: Connection): Promise<StoredVersion[]> {
    const rows = await db.selectFrom('feature_view_versions').selectAll().orderBy('created_at').execute();
    return rows.map(({ definition, hash }) => ({ view: JSON.parse(definition) as EntityView, hash }));
  }

  async find(db: Connection, name: string): Promise<FeatureViewRow | undefined> {
    return db.selectFrom('feature_views').selectAll().where('name', '=', name).executeTakeFirst();
  }

  /** @returns false when the revision moved on meanwhile */
  async write(transaction: Transaction, row: FeatureViewRow, view: EntityView): Promise<boolean> {
    await transaction
      .insertInto('feature_view_versions')
      .values({ name: row.name, hash: row.hash, definition: JSON.stringify(view), created_at: row.updated_at })
      .onConflict((conflict) => conflict.columns(['name', 'hash']).doNothing())
      .execute();
    const written = await transaction
      .insertInto('feature_views')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet((set) => ({
            hash: set.ref('excluded.hash'),
            revision: set.ref('excluded.revision'),
            updated_at: set.ref('excluded.updated_at'),
          }))
          .where('feature_views.revision', '=', row.revision - 1),
      )
      .returning('revision')
      .execute();
    return written.length > 0;
  }

  async remove(transaction: Transaction, name: string): Promise<void> {
    await transaction.deleteFrom('feature_views').where('name', '=', name).execute();
  }
}
