/** Looks commands up: one, a device's newest, or the one that an idempotency key made. */
import { Injectable } from '@nestjs/common';
import type { DeviceCommand, Page } from '@shoal/protocol';
import { ControlDatabase } from '../db/database.ts';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { FleetError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { DeviceCommandsStore, type KeyedCommand } from './device-commands.store.ts';

@Injectable()
export class CommandLookup {
  private readonly store = new DeviceCommandsStore();
  private readonly database: ControlDatabase;
  private readonly directory: DeviceDirectory;
  constructor(database: ControlDatabase, directory: DeviceDirectory) {
    this.database = database;
    this.directory = directory;
  }

  /** @throws FleetError DEVICE_NOT_FOUND */
  requireDevice(deviceId: string): void {
    this.directory.facts(deviceId);
  }

  byIdempotencyKey(deviceId: string, key: string): Promise<KeyedCommand | undefined> {
    return this.store.byIdempotencyKey(this.database, deviceId, key);
  }

  /** @throws FleetError DEVICE_NOT_FOUND | COMMAND_NOT_FOUND */
  async show(deviceId: string, commandId: string): Promise<DeviceCommand> {
    this.requireDevice(deviceId);
    const [command] = await this.store.read(this.database, [commandId]);
    if (command?.deviceId === deviceId) return command;
    throw new FleetError('COMMAND_NOT_FOUND', `"${deviceId}" has no command "${commandId}".`);
  }

  /** Newest first. @throws FleetError DEVICE_NOT_FOUND | CURSOR_INVALID */
  async list(deviceId: string, limit: number, cursor: string | undefined): Promise<Page<DeviceCommand>> {
    this.requireDevice(deviceId);
    const before =
      cursor === undefined ? undefined : (decodeCursor(cursor, ['number', 'string']) as readonly [number, string]);
    const found = await this.store.page(this.database, deviceId, limit + 1, before);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const nextCursor = found.length > limit && last ? encodeCursor([last.createdAt, last.commandId]) : null;
    return { items, nextCursor };
  }
}
