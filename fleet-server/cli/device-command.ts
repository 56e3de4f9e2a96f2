/** `shoal device command`: sends a command to one device and waits for what becomes of it. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  COMMAND_NAMES,
  deviceCommandSchema,
  jsonObjectSchema,
  type DeviceCommand,
  type JsonObject,
} from '@shoal/protocol';
import { Argument, InvalidArgumentError, type Command } from 'commander';
import { checkedDeviceId, contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError, type CliErrorCode } from './errors.ts';
import { whole } from './moments.ts';
import { factsOf } from './table.ts';

interface SendOptions {
  readonly parameters?: JsonObject;
  readonly expire: number;
  readonly wait: boolean;
}

/** Time between two looks while waiting: the device answers in milliseconds when it is there. */
const LOOK_MS = 100;
/** The server notes an expiry a little after it happened. */
const GRACE_MS = 2_000;

const FAULTS: Partial<Readonly<Record<DeviceCommand['state'], CliErrorCode>>> = {
  failed: 'COMMAND_FAILED',
  unsupported: 'COMMAND_UNSUPPORTED',
  expired: 'COMMAND_EXPIRED',
};

const isFinal = ({ state }: DeviceCommand): boolean => state === 'succeeded' || state in FAULTS;

const jsonObject = (text: string): JsonObject => {
  try {
    return jsonObjectSchema.parse(JSON.parse(text));
  } catch {
    throw new InvalidArgumentError('Give a JSON object.');
  }
};

/** Looks until the command is final, its time is over, or the person wants out. */
const outcomeOf = async (context: CommandContext, sent: DeviceCommand, until: number): Promise<DeviceCommand> => {
  const { api, signal, now } = context;
  let command = sent;
  while (!isFinal(command) && now() < until && !signal.aborted) {
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
    const path = `/api/devices/${sent.deviceId}/commands/${sent.commandId}`;
    command = await api.call({ path, answer: deviceCommandSchema });
  }
  return command;
};

const print = ({ terminal, json }: CommandContext, command: DeviceCommand): void => {
  if (json) {
    terminal.json(command);
    return;
  }
  terminal.data(
    factsOf(terminal, [
      ['command', `${command.name} ${command.commandId}`],
      ['state', command.state],
      ['took', command.finishedAt === null ? null : `${command.finishedAt - command.createdAt} ms`],
    ]),
  );
  if (command.result) terminal.data(JSON.stringify(command.result, null, 2));
};

const send = async (context: CommandContext, id: string, name: string, options: SendOptions): Promise<void> => {
  const timeoutMs = options.expire * 1_000;
  const sent = await context.api.call({
    method: 'POST',
    path: `/api/devices/${id}/commands`,
    body: { name, timeoutMs, ...(options.parameters && { parameters: options.parameters }) },
    answer: deviceCommandSchema,
  });
  const command = options.wait ? await outcomeOf(context, sent, context.now() + timeoutMs + GRACE_MS) : sent;
  print(context, command);
  const fault = options.wait
    ? (FAULTS[command.state] ?? (isFinal(command) ? undefined : 'COMMAND_EXPIRED'))
    : undefined;
  if (fault) throw cliError(fault, command.error?.message ?? `${name} on ${id} is ${command.state}.`);
};

/** `command` below `device`. */
export const addDeviceCommand = (device: Command, surroundings: Surroundings): void => {
  device
    .command('command')
    .argument('<device>', 'device id', checkedDeviceId)
    .addArgument(new Argument('<name>', 'what to do').choices(COMMAND_NAMES))
    .option('--parameters <json>', 'a JSON object for the command', jsonObject)
    .option('--expire <seconds>', 'the device does nothing when it gets the command later', whole(1, 86_400), 30)
    .option('--no-wait', 'print the command as sent and do not wait for its outcome')
    .description('send a command and wait for its outcome')
    .action((id: string, name: string, options: SendOptions, command: Command) =>
      send(contextOf(surroundings, command), id, name, options),
    );
};
