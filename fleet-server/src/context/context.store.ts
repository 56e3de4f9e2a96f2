/** Rows of context documents: one of the fleet, one per device. */
import type { JsonObject } from '@shoal/protocol';
import type { Connection, ContextRow, Transaction } from '../db/database.ts';

export interface StoredContext {
  readonly values: JsonObject;
  readonly revision: number;
  readonly updatedAt: number | null;
}

const NOTHING: StoredContext = { values: {}, revision: 0, updatedAt: null };

/** `null` is the fleet's own. */
export const scopeOf = (deviceId: string | null): string => (deviceId === null ? 'fleet' : `device:${deviceId}`);

const asStored = (row: ContextRow): StoredContext => ({
  values: JSON.parse(row.document) as JsonObject,
  revision: row.revision,
  updatedAt: row.updated_at,
});

export class ContextStore {
  /** In the order asked for; an empty document of revision 0 where none was put. */
  async read(db: Connection, scopes: readonly string[]): Promise<StoredContext[]> {
    const rows = await db.selectFrom('contexts').selectAll().where('scope', 'in', scopes).execute();
    const found = new Map(rows.map((row) => [row.scope, asStored(row)]));
    return scopes.map((scope) => found.get(scope) ?? NOTHING);
  }

  /** @returns false when the revision moved on meanwhile */
  async write(transaction: Transaction, row: ContextRow): Promise<boolean> {
    const written = await transaction
      .insertInto('contexts')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .column('scope')
          .doUpdateSet((set) => ({
            document: set.ref('excluded.document'),
            revision: set.ref('excluded.revision'),
            updated_at: set.ref('excluded.updated_at'),
          }))
          .where('contexts.revision', '=', row.revision - 1),
      )
      .returning('revision')
      .execute();
    return written.length > 0;
  }
}
