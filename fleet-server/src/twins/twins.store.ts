/** Rows of device twins. */
import type { JsonObject } from '@shoal/protocol';
import { sql } from 'kysely';
import type { Connection, Transaction, TwinRow } from '../db/database.ts';

export interface TwinDocument {
  readonly version: number;
  readonly desired: JsonObject;
  readonly reported: JsonObject;
  readonly reportedAt: number | null;
  readonly appliedVersion: number;
}

interface NextDesired {
  readonly version: number;
  readonly desired: JsonObject;
}

export const EMPTY_TWIN: TwinDocument = {
  version: 0,
  desired: {},
  reported: {},
  reportedAt: null,
  appliedVersion: 0,
};

const asDocument = (row: TwinRow): TwinDocument => ({
  version: row.version,
  desired: JSON.parse(row.desired) as JsonObject,
  reported: JSON.parse(row.reported) as JsonObject,
  reportedAt: row.reported_at,
  appliedVersion: row.applied_version,
});

export class TwinsStore {
  /** The empty twin when the device has no row. */
  async read(db: Connection, deviceId: string): Promise<TwinDocument> {
    const row = await db.selectFrom('twins').selectAll().where('device_id', '=', deviceId).executeTakeFirst();
    return row ? asDocument(row) : EMPTY_TWIN;
  }

  /** Of those devices that are registered; device → twin. */
  async readMany(transaction: Transaction, deviceIds: readonly string[]): Promise<Map<string, TwinDocument>> {
    const registered = await transaction
      .selectFrom('devices')
      .select('device_id')
      .where('device_id', 'in', deviceIds)
      .execute();
    const rows = await transaction.selectFrom('twins').selectAll().where('device_id', 'in', deviceIds).execute();
    const twins = new Map<string, TwinDocument>(registered.map((row) => [row.device_id, EMPTY_TWIN]));
    for (const row of rows) twins.set(row.device_id, asDocument(row));
    return twins;
  }

  /** @returns false when the version moved on meanwhile */
  async writeDesired(transaction: Transaction, deviceId: string, version: number, desired: string): Promise<boolean> {
    const written = await transaction
      .insertInto('twins')
      .values({
        device_id: deviceId,
        version,
        desired,
        reported: '{}',
        reported_at: null,
        applied_version: 0,
        facts: '{}',
      })
      .onConflict((conflict) =>
        conflict
          .column('device_id')
          .doUpdateSet((set) => ({ version: set.ref('excluded.version'), desired: set.ref('excluded.desired') }))
          .where('twins.version', '=', version - 1),
      )
      .returning('version')
      .execute();
    return written.length > 0;
  }

  /** The desired side of several twins, each at its next version. @returns those whose version had not moved on meanwhile */
  async writeManyDesired(
    transaction: Transaction,
    twins: ReadonlyMap<string, NextDesired>,
  ): Promise<ReadonlySet<string>> {
    if (twins.size === 0) return new Set();
    const written = await transaction
      .insertInto('twins')
      .values(
        [...twins].map(([deviceId, { version, desired }]) => ({
          device_id: deviceId,
          version,
          desired: JSON.stringify(desired),
          reported: '{}',
          reported_at: null,
          applied_version: 0,
          facts: '{}',
        })),
      )
      .onConflict((conflict) =>
        conflict
          .column('device_id')
          .doUpdateSet((set) => ({ version: set.ref('excluded.version'), desired: set.ref('excluded.desired') }))
          .whereRef('twins.version', '=', sql`excluded.version - 1`),
      )
      .returning('device_id')
      .execute();
    return new Set(written.map((row) => row.device_id));
  }

  /** The reported side of several twins, one row per device. */
  async writeReported(transaction: Transaction, rows: readonly Omit<TwinRow, 'version' | 'desired'>[]): Promise<void> {
    await transaction
      .insertInto('twins')
      .values(rows.map((row) => ({ ...row, version: 0, desired: '{}' })))
      .onConflict((conflict) =>
        conflict.column('device_id').doUpdateSet((set) => ({
          reported: set.ref('excluded.reported'),
          reported_at: set.ref('excluded.reported_at'),
          applied_version: set.ref('excluded.applied_version'),
          facts: set.ref('excluded.facts'),
        })),
      )
      .execute();
  }
}
