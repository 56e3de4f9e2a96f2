/** Carries out commands of the fleet, each at most once: acknowledges, runs, answers; a repeated one gets the remembered answer. */
import {
  commandSchema,
  decodeFrame,
  encodeFrame,
  topics,
  type Command,
  type CommandName,
  type CommandOutcome,
  type DownTopic,
  type JsonObject,
} from '@shoal/protocol/wire';
import { isAgentError, sentenceOf } from '../errors.ts';
import type { Logger } from '../runtime.ts';
import type { FleetConnection, LinkParticipant } from '../uplink/fleet-link.port.ts';
import type { RememberedCommands } from './remembered-commands.ts';

/** Runs one command; what it throws makes the command `failed`. Commands without one are `unsupported`. */
export type CommandHandler = (parameters: JsonObject) => Promise<JsonObject>;

export interface CommandDeskOptions {
  readonly deviceId: string;
  readonly handlers: Readonly<Partial<Record<CommandName, CommandHandler>>>;
  readonly remembered: RememberedCommands;
  /** Server time as far as known: commands expire by the server's clock. */
  readonly serverNow: () => number;
  readonly now: () => number;
  readonly logger: Logger;
}

export class CommandDesk implements LinkParticipant {
  readonly #options: CommandDeskOptions;
  #connection: FleetConnection | undefined;
  /** Answers that found no connection; the last one of each command counts. */
  readonly #unsent = new Map<string, CommandOutcome>();
  readonly #running = new Set<string>();

  constructor(options: CommandDeskOptions) {
    this.#options = options;
  }

  online(connection: FleetConnection): void {
    this.#connection = connection;
    const unsent = [...this.#unsent.values()];
    this.#unsent.clear();
    for (const outcome of unsent) this.#send(outcome);
  }

  offline(): void {
    this.#connection = undefined;
  }

  message(topic: DownTopic, payload: Uint8Array): void {
    if (topic.what !== 'command') return;
    const command = readCommand(payload);
    const { logger } = this.#options;
    if (command?.commandId !== topic.commandId) {
      logger.warn(
        { name: topic.name, commandId: topic.commandId },
        'a command that does not match its schema is ignored',
      );
      return;
    }
    this.#take(command).catch((error: unknown) => logger.error({ why: sentenceOf(error) }, 'a command was lost'));
  }

  async #take(command: Command): Promise<void> {
    const { commandId, name } = command;
    const { handlers, remembered, serverNow } = this.#options;
    const known = remembered.find(commandId);
    if (known !== undefined) return this.#send(known);
    if (this.#running.has(commandId)) return;
    if (serverNow() > command.expiresAt) return this.#conclude(this.#outcome(commandId, 'expired'));
    this.#running.add(commandId);
    try {
      await this.#conclude(await this.#run(command, handlers[name]));
    } finally {
      this.#running.delete(commandId);
    }
  }

  /** What cannot be remembered is not carried out: a restart might do it again. */
  async #run({ commandId, parameters }: Command, handler: CommandHandler | undefined): Promise<CommandOutcome> {
    try {
      const acknowledged = this.#outcome(commandId, 'acknowledged');
      await this.#options.remembered.remember(acknowledged);
      this.#send(acknowledged);
      if (handler === undefined) return this.#outcome(commandId, 'unsupported');
      return { ...this.#outcome(commandId, 'succeeded'), result: await handler(parameters ?? {}) };
    } catch (error) {
      const code = isAgentError(error) ? error.code : 'COMMAND_FAILED';
      return { ...this.#outcome(commandId, 'failed'), error: { code, message: sentenceOf(error).slice(0, 1_024) } };
    }
  }

  /** An answer that cannot be remembered is still given. */
  async #conclude(outcome: CommandOutcome): Promise<void> {
    try {
      await this.#options.remembered.remember(outcome);
    } finally {
      this.#send(outcome);
    }
  }

  #outcome(commandId: string, state: CommandOutcome['state']): CommandOutcome {
    return { v: 1, commandId, state, at: this.#options.now() };
  }

  #send(outcome: CommandOutcome): void {
    const { deviceId, logger } = this.#options;
    if (this.#connection === undefined) {
      this.#unsent.set(outcome.commandId, outcome);
      return;
    }
    const topic = topics.commandOutcome(deviceId, outcome.commandId);
    this.#connection.publish(topic, encodeFrame(outcome)).catch((error: unknown) => {
      logger.debug(
        { commandId: outcome.commandId, why: sentenceOf(error) },
        'an outcome waits for the next connection',
      );
      this.#unsent.set(outcome.commandId, outcome);
    });
  }
}

const readCommand = (payload: Uint8Array): Command | undefined => {
  try {
    return commandSchema.parse(decodeFrame(payload));
  } catch {
    return undefined;
  }
};
