/** Brings commands to devices, and lets those expire that nobody carried out in time. */
import { Injectable, Logger } from '@nestjs/common';
import { encodeFrame, topics, type Command, type DeviceCommand } from '@shoal/protocol';
import { ControlDatabase } from '../db/database.ts';
import { Clock } from '../ports/clock.ts';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { CommandProgress } from './command-progress.service.ts';
import { DeviceCommandsStore } from './device-commands.store.ts';

const TICK_MS = 250;

@Injectable()
export class CommandDelivery {
  private readonly log = new Logger('DeviceCommands');
  private readonly store = new DeviceCommandsStore();
  private timer: NodeJS.Timeout | undefined;
  private ticking: Promise<void> | undefined;

  private readonly database: ControlDatabase;
  private readonly progress: CommandProgress;
  private readonly gateway: DeviceGateway;
  private readonly clock: Clock;

  constructor(database: ControlDatabase, progress: CommandProgress, gateway: DeviceGateway, clock: Clock) {
    this.database = database;
    this.progress = progress;
    this.gateway = gateway;
    this.clock = clock;
  }

  start(): void {
    this.timer = setInterval(() => {
      this.ticking ??= this.tick().finally(() => {
        this.ticking = undefined;
      });
    }, TICK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.ticking;
  }

  openCountOf(deviceId: string): number {
    return this.progress.openCountOf(deviceId);
  }

  /** For a command that was just stored. @returns it as it is after the attempt: `sent`, or still `queued` */
  async begin(command: DeviceCommand): Promise<DeviceCommand> {
    this.progress.begin(command);
    return this.deliver(command);
  }

  /** For a device that has just subscribed. What was sent and not acknowledged goes again: the device remembers ids. */
  async deliverWaiting(deviceId: string): Promise<void> {
    if (this.openCountOf(deviceId) === 0) return;
    for (const command of await this.store.undelivered(this.database, deviceId)) await this.deliver(command);
  }

  /** Expires what is due; what cannot be stored now is due again at the next tick. */
  async tick(): Promise<void> {
    try {
      await this.progress.expire(this.clock.now());
    } catch (error) {
      this.log.warn(`Expired commands could not be recorded and will be tried again: ${String(error)}`);
    }
  }

  private async deliver(command: DeviceCommand): Promise<DeviceCommand> {
    const { commandId, deviceId, name, expiresAt, parameters } = command;
    if (this.clock.now() >= expiresAt) return command;
    const message: Command = { v: 1, commandId, name, expiresAt, ...(parameters === null ? {} : { parameters }) };
    const topic = topics.command(deviceId, name, commandId);
    if (!(await this.gateway.send(deviceId, topic, encodeFrame(message)))) return command;
    return (await this.progress.record(commandId, { event: 'sent', at: this.clock.now() })) ?? command;
  }
}
