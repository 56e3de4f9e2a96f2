/** Rows of commands to devices. */
import { commandNameSchema, commandStateSchema, type DeviceCommand } from '@shoal/protocol';
import type { Connection, DeviceCommandRow, Transaction } from '../db/database.ts';
import { isOpen } from './command-state.ts';

export interface Idempotency {
  readonly key: string;
  /** sha256 of the request that came with it. */
  readonly requestHash: string;
}

export interface KeyedCommand {
  readonly command: DeviceCommand;
  readonly requestHash: string | null;
}

const OPEN_STATES = commandStateSchema.options.filter(isOpen);

const fromText = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T));
const asText = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

const asCommand = (row: DeviceCommandRow): DeviceCommand => ({
  commandId: row.command_id,
  deviceId: row.device_id,
  name: commandNameSchema.parse(row.name),
  state: commandStateSchema.parse(row.state),
  parameters: fromText(row.parameters),
  createdAt: row.created_at,
  createdBy: row.created_by,
  expiresAt: row.expires_at,
  sentAt: row.sent_at,
  acknowledgedAt: row.acknowledged_at,
  finishedAt: row.finished_at,
  result: fromText(row.result),
  error: fromText(row.error),
});

/** What changes in the life of a command. */
const progressOf = (command: DeviceCommand) => ({
  state: command.state,
  sent_at: command.sentAt,
  acknowledged_at: command.acknowledgedAt,
  finished_at: command.finishedAt,
  result: asText(command.result),
  error: asText(command.error),
});

export class DeviceCommandsStore {
  /** @returns false when the device has a command with this idempotency key already */
  async insert(
    transaction: Transaction,
    command: DeviceCommand,
    idempotency: Idempotency | undefined,
  ): Promise<boolean> {
    const row: DeviceCommandRow = {
      command_id: command.commandId,
      device_id: command.deviceId,
      name: command.name,
      parameters: asText(command.parameters),
      created_at: command.createdAt,
      created_by: command.createdBy,
      expires_at: command.expiresAt,
      ...progressOf(command),
      idempotency_key: idempotency?.key ?? null,
      request_hash: idempotency?.requestHash ?? null,
    };
    const inserted = await transaction
      .insertInto('device_commands')
      .values(row)
      .onConflict((conflict) => conflict.columns(['device_id', 'idempotency_key']).doNothing())
      .returning('command_id')
      .execute();
    return inserted.length > 0;
  }

  async byIdempotencyKey(db: Connection, deviceId: string, key: string): Promise<KeyedCommand | undefined> {
    const row = await db
      .selectFrom('device_commands')
      .selectAll()
      .where('device_id', '=', deviceId)
      .where('idempotency_key', '=', key)
      .executeTakeFirst();
    return row && { command: asCommand(row), requestHash: row.request_hash };
  }

  async read(db: Connection, commandIds: readonly string[]): Promise<DeviceCommand[]> {
    const rows = await db.selectFrom('device_commands').selectAll().where('command_id', 'in', commandIds).execute();
    return rows.map(asCommand);
  }

  async writeProgress(transaction: Transaction, command: DeviceCommand): Promise<void> {
    await transaction
      .updateTable('device_commands')
      .set(progressOf(command))
      .where('command_id', '=', command.commandId)
      .execute();
  }

  /** Not acknowledged yet, oldest first. */
  async undelivered(db: Connection, deviceId: string): Promise<DeviceCommand[]> {
    const rows = await db
      .selectFrom('device_commands')
      .selectAll()
      .where('device_id', '=', deviceId)
      .where('state', 'in', ['queued', 'sent'])
      .orderBy('created_at')
      .orderBy('command_id')
      .execute();
    return rows.map(asCommand);
  }

  /** Every open command, in pages by id. */
  async open(db: Connection, afterId: string, limit: number): Promise<DeviceCommandRow[]> {
    return db
      .selectFrom('device_commands')
      .selectAll()
      .where('state', 'in', OPEN_STATES)
      .where('command_id', '>', afterId)
      .orderBy('command_id')
      .limit(limit)
      .execute();
  }

  /** Newest first, before the command at `before`. */
  async page(
    db: Connection,
    deviceId: string,
    limit: number,
    before: readonly [createdAt: number, commandId: string] | undefined,
  ): Promise<DeviceCommand[]> {
    let query = db.selectFrom('device_commands').selectAll().where('device_id', '=', deviceId);
    if (before) {
      const [createdAt, commandId] = before;
      query = query.where((where) =>
        where.or([
          where('created_at', '<', createdAt),
          where.and([where('created_at', '=', createdAt), where('command_id', '<', commandId)]),
        ]),
      );
    }
    const rows = await query.orderBy('created_at', 'desc').orderBy('command_id', 'desc').limit(limit).execute();
    return rows.map(asCommand);
  }
}
