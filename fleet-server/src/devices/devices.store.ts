/** Rows of the device registry. */
import { labelsSchema, type Labels } from '@shoal/protocol';
import type { Connection, DeviceRow, Transaction } from '../db/database.ts';

export interface StoredBirth {
  readonly deviceId: string;
  /** JSON of the `Birth`. */
  readonly birth: string;
  readonly at: number;
}

/** A registry row with what other tables know of the device; those columns are null while they have no row. */
export interface RegistryRow extends DeviceRow {
  readonly last_seen_at: number | null;
  readonly version: number | null;
  readonly applied_version: number | null;
  readonly facts: string | null;
}

/** Rows of one multi-row statement; PostgreSQL allows 65,535 parameters, SQLite 32,766. */
const ROWS_PER_STATEMENT = 500;

export class DevicesStore {
  /** In order of id, after `afterId`. */
  async page(db: Connection, afterId: string, limit: number): Promise<RegistryRow[]> {
    return db
      .selectFrom('devices')
      .leftJoin('device_last_seen', 'device_last_seen.device_id', 'devices.device_id')
      .leftJoin('twins', 'twins.device_id', 'devices.device_id')
      .selectAll('devices')
      .select(['device_last_seen.last_seen_at', 'twins.version', 'twins.applied_version', 'twins.facts'])
      .where('devices.device_id', '>', afterId)
      .orderBy('devices.device_id')
      .limit(limit)
      .execute();
  }

  /** @returns false when the device exists already */
  async insert(transaction: Transaction, row: DeviceRow): Promise<boolean> {
    const inserted = await transaction
      .insertInto('devices')
      .values(row)
      .onConflict((conflict) => conflict.column('device_id').doNothing())
      .returning('device_id')
      .execute();
    return inserted.length > 0;
  }

  /** Registers who is new and keeps the last birth of each; one entry per device. @returns the ids that are new */
  async upsertBirths(transaction: Transaction, births: readonly StoredBirth[]): Promise<ReadonlySet<string>> {
    const ids = births.map((birth) => birth.deviceId);
    const known = await transaction.selectFrom('devices').select('device_id').where('device_id', 'in', ids).execute();
    const fresh = new Set(ids);
    for (const row of known) fresh.delete(row.device_id);
    await transaction
      .insertInto('devices')
      .values(
        births.map(({ deviceId, birth, at }) => ({
          device_id: deviceId,
          labels: '{}',
          revision: 0,
          registered_at: at,
          first_seen_at: at,
          birth,
          creation_request: null,
        })),
      )
      .onConflict((conflict) =>
        conflict.column('device_id').doUpdateSet((set) => ({
          birth: set.ref('excluded.birth'),
          first_seen_at: set.fn.coalesce('devices.first_seen_at', 'excluded.first_seen_at'),
        })),
      )
      .execute();
    return fresh;
  }

  /** Of the request that registered the device; null when it had no idempotency key. */
  async creationRequest(db: Connection, deviceId: string): Promise<string | null> {
    const row = await db
      .selectFrom('devices')
      .select('creation_request')
      .where('device_id', '=', deviceId)
      .executeTakeFirst();
    return row?.creation_request ?? null;
  }

  /** No labels at revision 0 when the device is not registered; writing them back then fails. */
  async readLabels(db: Connection, deviceId: string): Promise<{ readonly labels: Labels; readonly revision: number }> {
    const row = await db
      .selectFrom('devices')
      .select(['labels', 'revision'])
      .where('device_id', '=', deviceId)
      .executeTakeFirst();
    return row
      ? { labels: labelsSchema.parse(JSON.parse(row.labels)), revision: row.revision }
      : { labels: {}, revision: 0 };
  }

  /** @returns false when `revision` is not the current one or the device is gone */
  async updateLabels(transaction: Transaction, deviceId: string, labels: string, revision: number): Promise<boolean> {
    const updated = await transaction
      .updateTable('devices')
      .set({ labels, revision: revision + 1 })
      .where('device_id', '=', deviceId)
      .where('revision', '=', revision)
      .returning('revision')
      .execute();
    return updated.length > 0;
  }

  /** Twin, commands and context of the device go with it. */
  async delete(transaction: Transaction, deviceId: string): Promise<void> {
    await transaction.deleteFrom('devices').where('device_id', '=', deviceId).execute();
  }

  /** In one transaction; devices that are no longer registered are passed over. */
  async writeLastSeen(db: Connection, seen: readonly (readonly [deviceId: string, at: number])[]): Promise<void> {
    await db.transaction().execute(async (transaction) => {
      for (let start = 0; start < seen.length; start += ROWS_PER_STATEMENT) {
        await this.writeSeen(transaction, seen.slice(start, start + ROWS_PER_STATEMENT));
      }
    });
  }

  private async writeSeen(
    transaction: Transaction,
    seen: readonly (readonly [deviceId: string, at: number])[],
  ): Promise<void> {
    const ids = seen.map(([deviceId]) => deviceId);
    const rows = await transaction.selectFrom('devices').select('device_id').where('device_id', 'in', ids).execute();
    const registered = new Set(rows.map((row) => row.device_id));
    const values = seen
      .filter(([deviceId]) => registered.has(deviceId))
      .map(([deviceId, at]) => ({ device_id: deviceId, last_seen_at: at }));
    if (values.length === 0) return;
    await transaction
      .insertInto('device_last_seen')
      .values(values)
      .onConflict((conflict) =>
        conflict.column('device_id').doUpdateSet((set) => ({ last_seen_at: set.ref('excluded.last_seen_at') })),
      )
      .execute();
  }
}
