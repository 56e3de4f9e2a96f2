/** Rows of scoring jobs: the current definition of each name. */
import type { Connection, ScoringJobRow, Transaction } from '../db/database.ts';

export class ScoringJobsStore {
  /** By name. */
  async all(db: Connection): Promise<ScoringJobRow[]> {
    return db.selectFrom('scoring_jobs').selectAll().orderBy('name').execute();
  }

  async page(db: Connection, after: string, limit: number): Promise<ScoringJobRow[]> {
    return db.selectFrom('scoring_jobs').selectAll().where('name', '>', after).orderBy('name').limit(limit).execute();
  }

  async find(db: Connection, name: string): Promise<ScoringJobRow | undefined> {
    return db.selectFrom('scoring_jobs').selectAll().where('name', '=', name).executeTakeFirst();
  }

  /** @returns false when the revision moved on meanwhile */
  async write(transaction: Transaction, row: ScoringJobRow): Promise<boolean> {
    const written = await transaction
      .insertInto('scoring_jobs')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet((set) => ({
            definition: set.ref('excluded.definition'),
            revision: set.ref('excluded.revision'),
            updated_at: set.ref('excluded.updated_at'),
          }))
          .where('scoring_jobs.revision', '=', row.revision - 1),
      )
      .returning('revision')
      .execute();
    return written.length > 0;
  }

  async remove(transaction: Transaction, name: string): Promise<void> {
    await transaction.deleteFrom('scoring_jobs').where('name', '=', name).execute();
  }
}
