/** `shoal alert silence | silences | unsilence`: alerts that are kept and told nobody for a while. */
import { silenceIdSchema, silencePageSchema, silenceSchema, type LabelTerms, type Silence } from '@shoal/protocol';
import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { ruleName } from './alert-rules.ts';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { instantText, spanMs } from './moments.ts';
import { tableOf } from './table.ts';

const silenceId = (text: string): string => {
  if (silenceIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A silence id looks like s-5b1e90aa.');
};

/** Argument parser: `site=north`, or `site` whatever its value; may be repeated. */
const labelTerm = (text: string, before: LabelTerms = []): LabelTerms => {
  const equals = text.indexOf('=');
  if (equals === 0 || text === '') throw new InvalidArgumentError('Give a label such as site=north.');
  const term = equals < 0 ? { label: text } : { label: text.slice(0, equals), value: text.slice(equals + 1) };
  return [...before, term];
};

const termsText = ({ rule, key, labels }: Silence): string =>
  [
    rule === null ? undefined : `rule ${rule}`,
    key === null ? undefined : `key ${key}`,
    ...labels.map(({ label, value }) => (value === undefined ? label : `${label}=${value}`)),
  ]
    .filter((part) => part !== undefined)
    .join(', ');

const list = async ({ api, terminal, json }: CommandContext): Promise<void> => {
  const { items } = await api.list({ path: '/api/silences', answer: silencePageSchema }, 100_000);
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('Nothing is silenced.');
  const rows = items.map((silence) => [
    silence.silenceId,
    termsText(silence),
    instantText(silence.until),
    silence.by,
    silence.note,
  ]);
  terminal.data(tableOf(terminal, ['SILENCE', 'OF', 'UNTIL', 'BY', 'NOTE'], rows));
};

interface SilenceOptions {
  readonly rule?: string;
  readonly key?: string;
  readonly label?: LabelTerms;
  readonly for: number;
  readonly note: string;
}

const silence = async (context: CommandContext, options: SilenceOptions): Promise<void> => {
  const { rule, key, label: labels = [], note } = options;
  if (rule === undefined && key === undefined && labels.length === 0) {
    throw cliError('USAGE_INVALID', 'Say what: --rule, --key or --label.');
  }
  const until = context.now() + options.for;
  const body = { ...(rule !== undefined && { rule }), ...(key !== undefined && { key }), labels, until, note };
  const made = await context.api.call({ method: 'POST', path: '/api/silences', body, answer: silenceSchema });
  if (context.json) context.terminal.json(made);
  else context.terminal.talk(`Silence ${made.silenceId} of ${termsText(made)} until ${instantText(made.until)}.`);
};

export const addSilences = (alert: Command, surroundings: Surroundings): void => {
  alert
    .command('silence')
    .option('--rule <rule>', 'alerts of this rule', ruleName)
    .option('--key <key>', 'alerts of this device, or this key of a window')
    .option('--label <label>', 'alerts of devices that carry it, for example site=north; may be repeated', labelTerm)
    .option('--for <span>', 'for so long', spanMs, 3_600_000)
    .option('--note <text>', 'why', '')
    .description('tell nobody for a while; the alerts are kept all the same')
    .action((options: SilenceOptions, command: Command) => silence(contextOf(surroundings, command), options));
  alert
    .command('silences')
    .description('silences that have not ended')
    .action((_: object, command: Command) => list(contextOf(surroundings, command)));
  alert
    .command('unsilence')
    .argument('<silence>', 'silence', silenceId)
    .description('end a silence; what fires still is told then')
    .action(async (id: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      await context.api.call({ method: 'DELETE', path: `/api/silences/${id}`, answer: z.undefined() });
      context.terminal.talk(`Silence ${id} is ended.`);
    });
};
