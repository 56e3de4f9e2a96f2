/** Rows of streams: the current definition of each name. */
import type { Connection, StreamRow, Transaction } from '../db/database.ts';

export class StreamsStore {
  /** By name. */
  async all(db: Connection): Promise<StreamRow[]> {
    return db.selectFrom('streams').selectAll().orderBy('name').execute();
  }

  async page(db: Connection, after: string, limit: number): Promise<StreamRow[]> {
    return db.selectFrom('streams').selectAll().where('name', '>', after).orderBy('name').limit(limit).execute();
  }

  async find(db: Connection, name: string): Promise<StreamRow | undefined> {
    return db.selectFrom('streams').selectAll().where('name', '=', name).executeTakeFirst();
  }

  /** @returns false when the revision moved on meanwhile */
  async write(transaction: Transaction, row: StreamRow): Promise<boolean> {
    const written = await transaction
      .insertInto('streams')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet((set) => ({
            definition: set.ref('excluded.definition'),
            hash: set.ref('excluded.hash'),
            revision: set.ref('excluded.revision'),
            updated_at: set.ref('excluded.updated_at'),
          }))
          .where('streams.revision', '=', row.revision - 1),
      )
      .returning('revision')
      .execute();
    return written.length > 0;
  }

  async remove(transaction: Transaction, name: string): Promise<void> {
    await transaction.deleteFrom('streams').where('name', '=', name).execute();
  }
}
