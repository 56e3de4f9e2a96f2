/** Rows of rollouts, of their devices and timeline, and of what the director assigned. */
import type { RolloutDeviceState, RolloutState } from '@shoal/protocol';
import type { Connection, RolloutEventRow, RolloutRow, Transaction } from '../db/database.ts';
import type { DeviceAssignment } from './assigned-models.ts';
import { ENDED, type RolloutDevice, type RolloutRecord, type TimelineEntry } from './rollout.ts';

export interface RolloutFilter {
  readonly state: RolloutState | undefined;
  readonly model: string | undefined;
}

/** Devices of one stage in one state. */
export interface DeviceCount {
  readonly stage: number;
  readonly state: RolloutDeviceState;
  readonly devices: number;
}

/** Parameters of one statement stay far below what SQLite takes. */
const ROWS_AT_ONCE = 500;

const recordOf = ({ document }: Pick<RolloutRow, 'document'>): RolloutRecord => JSON.parse(document) as RolloutRecord;
const deviceOf = ({ document }: { document: string }): RolloutDevice => JSON.parse(document) as RolloutDevice;

export class RolloutsStore {
  async find(db: Connection, rolloutId: string): Promise<RolloutRecord | undefined> {
    const row = await db
      .selectFrom('rollouts')
      .select('document')
      .where('rollout_id', '=', rolloutId)
      .executeTakeFirst();
    return row === undefined ? undefined : recordOf(row);
  }

  /** Newest first, below `before`; with the number that the next page starts below. */
  async page(
    db: Connection,
    filter: RolloutFilter,
    before: number | undefined,
    limit: number,
  ): Promise<{ readonly rollout: RolloutRecord; readonly number: number }[]> {
    let query = db.selectFrom('rollouts').select(['document', 'number']).orderBy('number', 'desc').limit(limit);
    if (before !== undefined) query = query.where('number', '<', before);
    if (filter.state !== undefined) query = query.where('state', '=', filter.state);
    if (filter.model !== undefined) query = query.where('model', '=', filter.model);
    return (await query.execute()).map((row) => ({ rollout: recordOf(row), number: row.number }));
  }

  /** Those that may still do something: not ended, or the newest of their model, whose late devices come yet. */
  async followed(db: Connection): Promise<RolloutRecord[]> {
    const newest = db
      .selectFrom('rollouts')
      .select((select) => select.fn.max('ordinal').as('ordinal'))
      .groupBy('model');
    const rows = await db
      .selectFrom('rollouts')
      .select('document')
      .where((where) =>
        where.or([
          where('state', 'not in', ENDED),
          where.and([where('ordinal', '>', 0), where('ordinal', 'in', newest)]),
        ]),
      )
      .execute();
    return rows.map(recordOf);
  }

  /** Of those that have started. */
  async ordinals(db: Connection): Promise<(readonly [string, number])[]> {
    const rows = await db.selectFrom('rollouts').select(['rollout_id', 'ordinal']).where('ordinal', '>', 0).execute();
    return rows.map(({ rollout_id, ordinal }) => [rollout_id, ordinal]);
  }

  /** Highest number and ordinal so far. */
  async highest(db: Connection): Promise<{ readonly number: number; readonly ordinal: number }> {
    const row = await db
      .selectFrom('rollouts')
      .select((select) => [select.fn.max('number').as('number'), select.fn.max('ordinal').as('ordinal')])
      .executeTakeFirst();
    return { number: Number(row?.number ?? 0), ordinal: Number(row?.ordinal ?? 0) };
  }

  async byRequest(db: Connection, request: string): Promise<RolloutRecord | undefined> {
    const row = await db
      .selectFrom('rollouts')
      .select('document')
      .where('creation_request', '=', request)
      .executeTakeFirst();
    return row === undefined ? undefined : recordOf(row);
  }

  async insert(
    transaction: Transaction,
    rollout: RolloutRecord,
    number: number,
    request: string | null,
  ): Promise<void> {
    const { rolloutId, definition, state, ordinal, revision } = rollout;
    await transaction
      .insertInto('rollouts')
      .values({
        rollout_id: rolloutId,
        number,
        model: definition.model,
        state,
        ordinal,
        revision,
        document: JSON.stringify(rollout),
        creation_request: request,
      })
      .execute();
  }

  /** @returns false when the revision moved on meanwhile */
  async update(transaction: Transaction, rollout: RolloutRecord): Promise<boolean> {
    const { rolloutId, state, ordinal, revision } = rollout;
    const written = await transaction
      .updateTable('rollouts')
      .set({ state, ordinal, revision, document: JSON.stringify(rollout) })
      .where('rollout_id', '=', rolloutId)
      .where('revision', '=', revision - 1)
      .returning('revision')
      .execute();
    return written.length > 0;
  }

  async putDevices(transaction: Transaction, rolloutId: string, devices: readonly RolloutDevice[]): Promise<void> {
    for (let start = 0; start < devices.length; start += ROWS_AT_ONCE) {
      const rows = devices.slice(start, start + ROWS_AT_ONCE).map((device) => ({
        rollout_id: rolloutId,
        device_id: device.deviceId,
        stage: device.stage,
        state: device.state,
        document: JSON.stringify(device),
      }));
      await transaction
        .insertInto('rollout_devices')
        .values(rows)
        .onConflict((conflict) =>
          conflict.columns(['rollout_id', 'device_id']).doUpdateSet((set) => ({
            stage: set.ref('excluded.stage'),
            state: set.ref('excluded.state'),
            document: set.ref('excluded.document'),
          })),
        )
        .execute();
    }
  }

  /** In order of id, after `after`. */
  async devices(
    db: Connection,
    rolloutId: string,
    page: { readonly after: string; readonly limit: number; readonly state?: RolloutDeviceState | undefined },
  ): Promise<RolloutDevice[]> {
    let query = db
      .selectFrom('rollout_devices')
      .select('document')
      .where('rollout_id', '=', rolloutId)
      .where('device_id', '>', page.after)
      .orderBy('device_id')
      .limit(page.limit);
    if (page.state !== undefined) query = query.where('state', '=', page.state);
    return (await query.execute()).map(deviceOf);
  }

  async counts(db: Connection, rolloutId: string): Promise<DeviceCount[]> {
    const rows = await db
      .selectFrom('rollout_devices')
      .select((select) => ['stage', 'state', select.fn.countAll<number>().as('devices')])
      .where('rollout_id', '=', rolloutId)
      .groupBy(['stage', 'state'])
      .execute();
    return rows.map(({ stage, state, devices }) => ({
      stage,
      state: state as RolloutDeviceState,
      devices: Number(devices),
    }));
  }

  /** Appends in order; the numbers of a rollout have no gaps. */
  async appendEvents(
    transaction: Transaction,
    rolloutId: string,
    {
      at,
      principal,
      entries,
    }: { readonly at: number; readonly principal: string; readonly entries: readonly TimelineEntry[] },
  ): Promise<void> {
    if (entries.length === 0) return;
    const last = await transaction
      .selectFrom('rollout_events')
      .select((select) => select.fn.max('number').as('number'))
      .where('rollout_id', '=', rolloutId)
      .executeTakeFirst();
    const first = Number(last?.number ?? 0) + 1;
    for (let start = 0; start < entries.length; start += ROWS_AT_ONCE) {
      const rows = entries.slice(start, start + ROWS_AT_ONCE).map((entry, index) => ({
        rollout_id: rolloutId,
        number: first + start + index,
        at,
        principal,
        entry: JSON.stringify(entry),
      }));
      await transaction.insertInto('rollout_events').values(rows).execute();
    }
  }

  /** Oldest first. */
  async events(db: Connection, rolloutId: string, after: number, limit: number): Promise<RolloutEventRow[]> {
    return db
      .selectFrom('rollout_events')
      .selectAll()
      .where('rollout_id', '=', rolloutId)
      .where('number', '>', after)
      .orderBy('number')
      .limit(limit)
      .execute();
  }

  async putAssignments(transaction: Transaction, assignments: ReadonlyMap<string, DeviceAssignment>): Promise<void> {
    if (assignments.size === 0) return;
    await transaction
      .insertInto('director_assignments')
      .values(
        [...assignments].map(([deviceId, { counter, models, floors }]) => ({
          device_id: deviceId,
          counter,
          models: JSON.stringify(models),
          floors: JSON.stringify(floors),
        })),
      )
      .onConflict((conflict) =>
        conflict.column('device_id').doUpdateSet((set) => ({
          counter: set.ref('excluded.counter'),
          models: set.ref('excluded.models'),
          floors: set.ref('excluded.floors'),
        })),
      )
      .execute();
  }

  /** In order of device. */
  async assignments(db: Connection, after: string, limit: number): Promise<(readonly [string, DeviceAssignment])[]> {
    const rows = await db
      .selectFrom('director_assignments')
      .selectAll()
      .where('device_id', '>', after)
      .orderBy('device_id')
      .limit(limit)
      .execute();
    return rows.map(({ device_id, counter, models, floors }) => [
      device_id,
      {
        counter,
        models: JSON.parse(models) as DeviceAssignment['models'],
        floors: JSON.parse(floors) as DeviceAssignment['floors'],
      },
    ]);
  }
}
