/** Rows of releases and aliases. */
import type { Connection, ModelAliasRow, ModelReleaseRow, Transaction } from '../db/database.ts';

export class ModelsStore {
  async ofArchive(db: Connection, sha256: string): Promise<ModelReleaseRow | undefined> {
    return db.selectFrom('model_releases').selectAll().where('sha256', '=', sha256).executeTakeFirst();
  }

  async names(db: Connection, after: string, limit: number): Promise<string[]> {
    const rows = await db
      .selectFrom('model_releases')
      .select('name')
      .distinct()
      .where('name', '>', after)
      .orderBy('name')
      .limit(limit)
      .execute();
    return rows.map(({ name }) => name);
  }

  /** The newest first. */
  async versions(db: Connection, names: readonly string[]): Promise<ModelReleaseRow[]> {
    if (names.length === 0) return [];
    return db
      .selectFrom('model_releases')
      .selectAll()
      .where('name', 'in', names)
      .orderBy('name')
      .orderBy('release_counter', 'desc')
      .execute();
  }

  async page(db: Connection, name: string, below: number, limit: number): Promise<ModelReleaseRow[]> {
    return db
      .selectFrom('model_releases')
      .selectAll()
      .where('name', '=', name)
      .where('release_counter', '<', below)
      .orderBy('release_counter', 'desc')
      .limit(limit)
      .execute();
  }

  async find(db: Connection, name: string, version: string): Promise<ModelReleaseRow | undefined> {
    return db
      .selectFrom('model_releases')
      .selectAll()
      .where('name', '=', name)
      .where('version', '=', version)
      .executeTakeFirst();
  }

  async ofCounter(db: Connection, name: string, counter: number): Promise<ModelReleaseRow | undefined> {
    return db
      .selectFrom('model_releases')
      .selectAll()
      .where('name', '=', name)
      .where('release_counter', '=', counter)
      .executeTakeFirst();
  }

  async add(transaction: Transaction, row: ModelReleaseRow): Promise<void> {
    await transaction.insertInto('model_releases').values(row).execute();
  }

  async remove(transaction: Transaction, name: string, version: string): Promise<void> {
    await transaction.deleteFrom('model_releases').where('name', '=', name).where('version', '=', version).execute();
  }

  async aliases(db: Connection, names: readonly string[]): Promise<ModelAliasRow[]> {
    if (names.length === 0) return [];
    return db.selectFrom('model_aliases').selectAll().where('name', 'in', names).orderBy('alias').execute();
  }

  async alias(db: Connection, name: string, alias: string): Promise<ModelAliasRow | undefined> {
    return db
      .selectFrom('model_aliases')
      .selectAll()
      .where('name', '=', name)
      .where('alias', '=', alias)
      .executeTakeFirst();
  }

  async putAlias(transaction: Transaction, row: ModelAliasRow): Promise<void> {
    const { version, revision, updated_at } = row;
    await transaction
      .insertInto('model_aliases')
      .values(row)
      .onConflict((conflict) => conflict.columns(['name', 'alias']).doUpdateSet({ version, revision, updated_at }))
      .execute();
  }

  async removeAlias(transaction: Transaction, name: string, alias: string): Promise<void> {
    await transaction.deleteFrom('model_aliases').where('name', '=', name).where('alias', '=', alias).execute();
  }
}
