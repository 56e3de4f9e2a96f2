/** Creates commands: each once, however often the caller repeats itself. */
import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { CommandName, DeviceCommand, JsonObject } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { FleetError } from '../errors.ts';
import { Clock } from '../ports/clock.ts';
import { CommandDelivery } from './command-delivery.service.ts';
import { CommandLookup } from './command-lookup.service.ts';
import { DeviceCommandsStore, type Idempotency } from './device-commands.store.ts';

/** Open commands of one device at most. */
const OPEN_PER_DEVICE = 32;

export interface NewCommand {
  readonly name: CommandName;
  readonly parameters: JsonObject | undefined;
  readonly timeoutMs: number;
  /** The same key with the same command creates it once. */
  readonly idempotencyKey: string | undefined;
}

@Injectable()
export class DeviceCommandsService {
  private readonly store = new DeviceCommandsStore();

  private readonly audit: AuditService;
  private readonly lookup: CommandLookup;
  private readonly delivery: CommandDelivery;
  private readonly clock: Clock;

  constructor(audit: AuditService, lookup: CommandLookup, delivery: CommandDelivery, clock: Clock) {
    this.audit = audit;
    this.lookup = lookup;
    this.delivery = delivery;
    this.clock = clock;
  }

  /**
   * Stores the command, then sends it when the device listens; else it goes out when the device subscribes.
   * @throws FleetError DEVICE_NOT_FOUND | COMMANDS_TOO_MANY | IDEMPOTENCY_KEY_REUSED
   */
  async create(actor: Actor, deviceId: string, request: NewCommand): Promise<DeviceCommand> {
    this.lookup.requireDevice(deviceId);
    const { name, parameters = null, timeoutMs } = request;
    const idempotency = idempotencyOf(request);
    const createdAt = this.clock.now();
    const command: DeviceCommand = {
      commandId: `k-${randomUUID()}`,
      deviceId,
      name,
      state: 'queued',
      parameters,
      createdAt,
      createdBy: actor.principal,
      expiresAt: createdAt + timeoutMs,
      sentAt: null,
      acknowledgedAt: null,
      finishedAt: null,
      result: null,
      error: null,
    };
    const earlier = idempotency && (await this.earlier(deviceId, idempotency));
    if (earlier) return earlier;
    this.requireRoom(deviceId);
    const isNew = await this.audit.change(async (transaction, record) => {
      if (!(await this.store.insert(transaction, command, idempotency))) return false;
      const subject = `device:${deviceId}`;
      const after = { commandId: command.commandId, name, parameters, timeoutMs };
      await record({ actor, action: 'device.command.created', subject, before: null, after });
      return true;
    });
    // Somebody else was faster with the same key.
    if (!isNew && idempotency) return (await this.earlier(deviceId, idempotency)) ?? command;
    return this.delivery.begin(command);
  }

  private async earlier(deviceId: string, { key, requestHash }: Idempotency): Promise<DeviceCommand | undefined> {
    const known = await this.lookup.byIdempotencyKey(deviceId, key);
    if (!known || known.requestHash === requestHash) return known?.command;
    throw new FleetError('IDEMPOTENCY_KEY_REUSED', `Idempotency-Key "${key}" came with another command before.`);
  }

  private requireRoom(deviceId: string): void {
    if (this.delivery.openCountOf(deviceId) < OPEN_PER_DEVICE) return;
    const message = `"${deviceId}" has ${OPEN_PER_DEVICE} open commands; wait until some have finished or expired.`;
    throw new FleetError('COMMANDS_TOO_MANY', message);
  }
}

const idempotencyOf = ({ idempotencyKey, name, parameters, timeoutMs }: NewCommand): Idempotency | undefined => {
  if (idempotencyKey === undefined) return undefined;
  const request = JSON.stringify([name, parameters ?? null, timeoutMs]);
  return { key: idempotencyKey, requestHash: createHash('sha256').update(request).digest('hex') };
};
