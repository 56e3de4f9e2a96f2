/** `shoal events`, `shoal dead-letters`, `shoal audit`: what happened, newest first. */
import {
  auditPageSchema,
  deadLetterPageSchema,
  severitySchema,
  storedEventPageSchema,
  type Page,
} from '@shoal/protocol';
import { Option, type Command } from 'commander';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import type { Call, Query } from './fleet-api.ts';
import { instantText, spanMs, whole } from './moments.ts';
import { tableOf, type Cell } from './table.ts';
import type { Colour } from './terminal.ts';

interface Listing<T> {
  readonly call: Call<Page<T>>;
  readonly heads: readonly string[];
  readonly row: (item: T) => Cell[];
  readonly none: string;
}

const SEVERITIES: Readonly<Record<string, Colour>> = { alarm: 'red', error: 'red', warning: 'yellow', info: 'cyan' };

const print = async <T>(context: CommandContext, listing: Listing<T>, limit: number): Promise<void> => {
  const { api, terminal, json } = context;
  const { items, more } = await api.list(listing.call, limit);
  const paint = (column: string, text: string): string =>
    column === 'SEVERITY' ? terminal.paint(SEVERITIES[text] ?? 'gray', text) : text;
  if (json) terminal.json(items);
  else if (items.length === 0) terminal.talk(listing.none);
  else terminal.data(tableOf(terminal, listing.heads, items.map(listing.row), { paint }));
  if (more) terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
};

interface LimitOption {
  readonly limit: number;
}

const limited = (command: Command): Command =>
  command.option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50);

const addEvents = (program: Command, surroundings: Surroundings): void => {
  limited(program.command('events').description('events of the fleet, newest first'))
    .option('--device <id>', 'of one device')
    .addOption(new Option('--severity <severity>', 'of one severity').choices(severitySchema.options))
    .option('--kind <kind>', 'of one kind, for example engine.changed')
    .option('--since <span>', 'not older than this, for example 15m', spanMs)
    .action((options: LimitOption & Record<string, string | number | undefined>, command: Command) => {
      const context = contextOf(surroundings, command);
      const { device, severity, kind, since } = options;
      const from = typeof since === 'number' ? context.now() - since : undefined;
      const query: Query = { deviceId: device, severity, kind, from, order: 'desc' };
      return print(
        context,
        {
          call: { path: '/api/events', query, answer: storedEventPageSchema },
          heads: ['AT', 'DEVICE', 'SEVERITY', 'KIND', 'MESSAGE'],
          row: (event) => [instantText(event.eventAt), event.deviceId, event.severity, event.kind, event.message],
          none: 'No event matches.',
        },
        options.limit,
      );
    });
};

const addDeadLetters = (program: Command, surroundings: Surroundings): void => {
  limited(program.command('dead-letters').description('what ingest refused, newest first, with the reason'))
    .option('--device <id>', 'of one device')
    .option('--reason <code>', 'with one code of the error catalogue')
    .action((options: LimitOption & Record<string, string | undefined>, command: Command) =>
      print(
        contextOf(surroundings, command),
        {
          call: {
            path: '/api/dead-letters',
            query: { deviceId: options['device'], reason: options['reason'] },
            answer: deadLetterPageSchema,
          },
          heads: ['ID', 'AT', 'DEVICE', 'REASON', 'BYTES', 'TOPIC', 'DETAIL'],
          row: (letter) => [
            letter.id,
            instantText(letter.receivedAt),
            letter.deviceId,
            letter.reason,
            letter.sizeBytes,
            letter.topic,
            letter.detail,
          ],
          none: 'Nothing was refused.',
        },
        options.limit,
      ),
    );
};

const addAudit = (program: Command, surroundings: Surroundings): void => {
  limited(program.command('audit').description('who changed what, newest first'))
    .option('--subject <subject>', 'about one thing, for example a device id')
    .option('--action <action>', 'of one kind, for example device.labels.changed')
    .action((options: LimitOption & Record<string, string | undefined>, command: Command) =>
      print(
        contextOf(surroundings, command),
        {
          call: {
            path: '/api/audit',
            query: { subject: options['subject'], action: options['action'] },
            answer: auditPageSchema,
          },
          heads: ['ID', 'AT', 'WHO', 'FROM', 'ACTION', 'SUBJECT'],
          row: (entry) => [entry.id, instantText(entry.at), entry.principal, entry.from, entry.action, entry.subject],
          none: 'Nothing was changed.',
        },
        options.limit,
      ),
    );
};

/** The three lists of what happened. */
export const addHistory = (program: Command, surroundings: Surroundings): void => {
  addEvents(program, surroundings);
  addDeadLetters(program, surroundings);
  addAudit(program, surroundings);
};
