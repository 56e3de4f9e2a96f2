/** Rows of the TUF repository: files as they are fetched, the current version of each role, and the targets. */
import type { Connection, Transaction, TufFileRow, TufRoleRow, TufTargetRow } from '../db/database.ts';

/** SQLite takes so many parameters in a statement, and more. */
const ROWS_AT_ONCE = 200;

const batches = <T>(rows: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(rows.length / ROWS_AT_ONCE) }, (_, index) =>
    rows.slice(index * ROWS_AT_ONCE, (index + 1) * ROWS_AT_ONCE),
  );

export class TufStore {
  async file(db: Connection, file: string): Promise<string | undefined> {
    const row = await db.selectFrom('tuf_files').select('content').where('file', '=', file).executeTakeFirst();
    return row?.content;
  }

  async roles(db: Connection): Promise<Map<string, TufRoleRow>> {
    const rows = await db.selectFrom('tuf_roles').selectAll().execute();
    return new Map(rows.map((row) => [row.role, row]));
  }

  async targetsOf(db: Connection, bin: string): Promise<TufTargetRow[]> {
    return db.selectFrom('tuf_targets').selectAll().where('bin', '=', bin).orderBy('path').execute();
  }

  async target(db: Connection, path: string): Promise<TufTargetRow | undefined> {
    return db.selectFrom('tuf_targets').selectAll().where('path', '=', path).executeTakeFirst();
  }

  /** Hashes of everything that is vouched for. */
  async hashes(db: Connection): Promise<Set<string>> {
    const rows = await db.selectFrom('tuf_targets').select('sha256').execute();
    return new Set(rows.map(({ sha256 }) => sha256));
  }

  async putTarget(transaction: Transaction, row: TufTargetRow): Promise<void> {
    const { bin, sha256, length_bytes, custom } = row;
    await transaction
      .insertInto('tuf_targets')
      .values(row)
      .onConflict((conflict) => conflict.column('path').doUpdateSet({ bin, sha256, length_bytes, custom }))
      .execute();
  }

  async removeTarget(transaction: Transaction, path: string): Promise<void> {
    await transaction.deleteFrom('tuf_targets').where('path', '=', path).execute();
  }

  /** Version files are written once: an existing one is a fault. */
  async addFiles(transaction: Transaction, rows: readonly TufFileRow[]): Promise<void> {
    for (const batch of batches(rows)) await transaction.insertInto('tuf_files').values(batch).execute();
  }

  /** The one file that is written again and again. */
  async putTimestamp(transaction: Transaction, content: string): Promise<void> {
    await transaction
      .insertInto('tuf_files')
      .values({ file: 'timestamp.json', content, superseded_at: null })
      .onConflict((conflict) => conflict.column('file').doUpdateSet({ content }))
      .execute();
  }

  async supersede(transaction: Transaction, files: readonly string[], at: number): Promise<void> {
    for (const batch of batches(files))
      await transaction.updateTable('tuf_files').set({ superseded_at: at }).where('file', 'in', batch).execute();
  }

  async putRoles(transaction: Transaction, rows: readonly TufRoleRow[]): Promise<void> {
    for (const batch of batches(rows))
      await transaction
        .insertInto('tuf_roles')
        .values(batch)
        .onConflict((conflict) =>
          conflict.column('role').doUpdateSet((set) => ({
            version: set.ref('excluded.version'),
            expires_at: set.ref('excluded.expires_at'),
            key_id: set.ref('excluded.key_id'),
          })),
        )
        .execute();
  }

  /** A client in the middle of a refresh still finds what its timestamp names. */
  async trim(db: Connection, before: number): Promise<void> {
    await db.deleteFrom('tuf_files').where('superseded_at', '<', before).execute();
  }
}
