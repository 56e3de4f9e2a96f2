/** `shoal device ls | show | label | rm`: the registry. */
import { devicePageSchema, deviceSchema, deviceStateSchema, type Device } from '@shoal/protocol';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { checkedDeviceId, contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { addDeviceCommand } from './device-command.ts';
import { DEVICE_HEADS, deviceRow, paintState, watchDevices } from './device-table.ts';
import { addDeviceTwin } from './device-twin.ts';
import { cliError } from './errors.ts';
import { ageText, instantText, whole } from './moments.ts';
import { factsOf, tableOf } from './table.ts';

interface ListOptions {
  readonly state?: string;
  readonly label: readonly string[];
  readonly search?: string;
  readonly limit: number;
  readonly watch?: boolean;
  readonly interval: number;
}

const collect = (text: string, previous: readonly string[]): string[] => [...previous, text];

const readDevices = (context: CommandContext, options: ListOptions): Promise<{ items: Device[]; more: boolean }> =>
  context.api.list(
    {
      path: '/api/devices',
      query: {
        state: options.state,
        search: options.search,
        labels: options.label.length > 0 ? options.label.join(',') : undefined,
      },
      answer: devicePageSchema,
    },
    options.limit,
  );

const list = async (context: CommandContext, options: ListOptions): Promise<void> => {
  if (options.watch === true) {
    await watchDevices(context, options.interval, async () => (await readDevices(context, options)).items);
    return;
  }
  const { items, more } = await readDevices(context, options);
  const { terminal, json, now } = context;
  if (json) terminal.json(items);
  else if (items.length === 0) terminal.talk('No device matches.');
  else {
    const rows = items.map((device) => deviceRow(device, now()));
    terminal.data(tableOf(terminal, DEVICE_HEADS, rows, { paint: paintState(terminal) }));
  }
  if (more) terminal.talk(`Only the first ${items.length} are shown; --limit shows more.`);
};

const show = async (context: CommandContext, id: string): Promise<void> => {
  const { api, terminal, json, now } = context;
  const device = await api.call({ path: `/api/devices/${id}`, answer: deviceSchema });
  if (json) {
    terminal.json(device);
    return;
  }
  const seen = device.lastSeenAt;
  terminal.data(
    factsOf(terminal, [
      ['device', device.deviceId],
      ['state', device.state],
      ['why', device.why],
      ['since', `${instantText(device.since)} (${ageText(device.since, now())})`],
      ['last seen', seen === null ? null : `${instantText(seen)} (${ageText(seen, now())} ago)`],
      [
        'labels',
        Object.entries(device.labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(' ') || null,
      ],
      ['hardware', device.hardwareClass],
      ['agent', device.agentVersion],
      ['models', device.models.map(({ name, version }) => `${name} ${version}`).join(', ') || null],
      ['outbox', device.outboxDepth],
      ['clock offset', device.clockOffsetMs === null ? null : `${device.clockOffsetMs} ms`],
      ['twin', `version ${device.twinVersion}, applied ${device.appliedTwinVersion}`],
    ]),
  );
};

/** `key=value` sets, `key-` removes. */
const labelPatch = (words: readonly string[]): Record<string, string | null> =>
  Object.fromEntries(
    words.map((word) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      if (/^[^=]+-$/.test(word)) return [word.slice(0, -1), null];
      throw cliError('USAGE_INVALID', `"${word}" is neither key=value nor key- (which removes).`);
    }),
  );

const label = async (context: CommandContext, id: string, words: readonly string[]): Promise<void> => {
  const body = { labels: labelPatch(words) };
  const device = await context.api.call({ method: 'PATCH', path: `/api/devices/${id}`, body, answer: deviceSchema });
  if (context.json) context.terminal.json(device);
  else
    context.terminal.data(
      Object.entries(device.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join('\n'),
    );
};

const remove = async (context: CommandContext, id: string, confirmed: boolean): Promise<void> => {
  if (!confirmed) throw cliError('CONFIRMATION_MISSING', `Removing ${id} cannot be undone; repeat with --yes.`);
  await context.api.call({ method: 'DELETE', path: `/api/devices/${id}`, answer: z.undefined() });
  if (context.json) context.terminal.json({ removed: id });
  else context.terminal.talk(`Removed ${id}.`);
};

/** `device` with all its verbs. */
export const addDevice = (program: Command, surroundings: Surroundings): void => {
  const device = program.command('device').description('devices: list, show, label, configure, command, remove');
  device
    .command('ls')
    .description('list devices')
    .addOption(new Option('--state <state>', 'only devices in this state').choices(deviceStateSchema.options))
    .option('--label <key=value>', 'only devices with this label; may be repeated, all must hold', collect, [])
    .option('--search <text>', 'only devices whose id contains this')
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 1_000)
    .option('--watch', 'go on until Ctrl-C; prints what changes')
    .option('--interval <seconds>', 'time between two looks of --watch', whole(1, 3_600), 2)
    .action((options: ListOptions, command: Command) => list(contextOf(surroundings, command), options));
  device
    .command('show')
    .argument('<device>', 'device id', checkedDeviceId)
    .description('show one device: state with why and since when, versions, twin')
    .action((id: string, _: object, command: Command) => show(contextOf(surroundings, command), id));
  device
    .command('label')
    .argument('<device>', 'device id', checkedDeviceId)
    .argument('<labels...>', 'key=value sets, key- removes')
    .description('change labels')
    .action((id: string, words: string[], _: object, command: Command) =>
      label(contextOf(surroundings, command), id, words),
    );
  device
    .command('rm')
    .argument('<device>', 'device id', checkedDeviceId)
    .option('--yes', 'really')
    .description('remove a device from the registry')
    .action((id: string, options: { yes?: boolean }, command: Command) =>
      remove(contextOf(surroundings, command), id, options.yes === true),
    );
  addDeviceTwin(device, surroundings);
  addDeviceCommand(device, surroundings);
};
