/** Moves commands on: every event goes through the state table, is stored, and is told to whoever watches. */
import { Injectable } from '@nestjs/common';
import type { CommandOutcome, DeviceCommand } from '@shoal/protocol';
import { ControlDatabase } from '../db/database.ts';
import { GroupCommit } from '../db/group-commit.ts';
import { FleetError } from '../errors.ts';
import { MessageBus } from '../ports/message-bus.ts';
import { advance, isOpen, type CommandEvent } from './command-state.ts';
import { DeviceCommandsStore } from './device-commands.store.ts';
import { OpenCommands } from './open-commands.ts';

const EVENTS_PER_COMMIT = 100;

const EXPIRED = { code: 'COMMAND_EXPIRED', message: 'No outcome arrived before the command expired.' } as const;

interface Step {
  readonly commandId: string;
  /** Who may move it; undefined: the server itself. */
  readonly deviceId: string | undefined;
  readonly event: CommandEvent;
  /** The command after the step; undefined when there is none of that device. */
  command: DeviceCommand | undefined;
}

@Injectable()
export class CommandProgress {
  private readonly store = new DeviceCommandsStore();
  private readonly steps = new GroupCommit<Step>((steps) => this.commit(steps), EVENTS_PER_COMMIT);
  private readonly database: ControlDatabase;
  private readonly open: OpenCommands;
  private readonly bus: MessageBus;

  constructor(database: ControlDatabase, open: OpenCommands, bus: MessageBus) {
    this.database = database;
    this.open = open;
    this.bus = bus;
  }

  /** Watches a command that was just stored, and tells of it. */
  begin(command: DeviceCommand): void {
    this.open.add(command);
    this.bus.emit('command.changed', { command });
  }

  openCountOf(deviceId: string): number {
    return this.open.countOf(deviceId);
  }

  /** Lets those expire whose time has come. @throws FleetError DATABASE_UNAVAILABLE: they are due again later */
  async expire(now: number): Promise<void> {
    const event = { event: 'expired', at: now, result: null, error: EXPIRED } as const;
    await Promise.all(this.open.due(now).map(({ commandId }) => this.record(commandId, event)));
  }

  /** Resolved = stored. @returns undefined when the command is gone, for example with its device */
  async record(commandId: string, event: CommandEvent): Promise<DeviceCommand | undefined> {
    return this.step({ commandId, deviceId: undefined, event, command: undefined });
  }

  /** What the device says of it, by the server's clock. @throws FleetError COMMAND_NOT_FOUND */
  async report(deviceId: string, outcome: CommandOutcome, at: number): Promise<void> {
    const { commandId, state, result = null, error = null } = outcome;
    const event: CommandEvent = state === 'acknowledged' ? { event: state, at } : { event: state, at, result, error };
    if (await this.step({ commandId, deviceId, event, command: undefined })) return;
    throw new FleetError('COMMAND_NOT_FOUND', `"${deviceId}" reported on command "${commandId}", which it never got.`);
  }

  private async step(step: Step): Promise<DeviceCommand | undefined> {
    await this.steps.submit(step);
    return step.command;
  }

  private async commit(steps: readonly Step[]): Promise<void> {
    const ids = [...new Set(steps.map((step) => step.commandId))];
    const changed = await this.database.transaction().execute(async (transaction) => {
      const stored = await this.store.read(transaction, ids);
      const commands = new Map(stored.map((command) => [command.commandId, command]));
      for (const step of steps) take(step, commands);
      const moved = stored.filter((command) => commands.get(command.commandId) !== command);
      const after = moved.map(({ commandId }) => commands.get(commandId) as DeviceCommand);
      for (const command of after) await this.store.writeProgress(transaction, command);
      return after;
    });
    for (const step of steps) {
      if (!step.command || !isOpen(step.command.state)) this.open.remove(step.commandId);
    }
    for (const command of changed) this.bus.emit('command.changed', { command });
  }
}

const take = (step: Step, commands: Map<string, DeviceCommand>): void => {
  const command = commands.get(step.commandId);
  if (!command || (step.deviceId !== undefined && step.deviceId !== command.deviceId)) return;
  step.command = advance(command, step.event);
  commands.set(step.commandId, step.command);
};
