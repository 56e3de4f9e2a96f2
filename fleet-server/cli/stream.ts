/** `shoal stream ls | show | define | try | windows | rm`: windows of event time over what devices send. */
import {
  streamDefinitionSchema,
  streamDocumentSchema,
  streamPageSchema,
  streamPreviewAnswerSchema,
  streamStatusSchema,
  WINDOW_LEVELS,
  windowPageSchema,
  type StreamDefinition,
  type StreamDocument,
  type StreamStatus,
  type WindowResult,
} from '@shoal/protocol';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { putDefinition, readDefinition } from './definition-file.ts';
import { cliError } from './errors.ts';
import { ageText, instantText, spanMs, whole } from './moments.ts';
import { streamName } from './stream-names.ts';
import { factsOf, tableOf, type Cell } from './table.ts';

const SECOND_MS = 1_000;
const DEFINITION = { schema: streamDefinitionSchema, what: 'stream' };

const windowText = ({ window }: StreamDefinition): string => {
  if (window.kind === 'count') return `count of ${window.records}`;
  if (window.kind === 'session') return `session, gap ${window.gapMs / SECOND_MS} s`;
  const size = `${window.kind} ${window.sizeMs / SECOND_MS} s`;
  return window.kind === 'hopping' ? `${size} every ${window.everyMs / SECOND_MS} s` : size;
};

const keyText = ({ key }: StreamDefinition): string => (key.by === 'label' ? `label ${key.label}` : key.by);

const list = async ({ api, terminal, json, now }: CommandContext): Promise<void> => {
  const { items } = await api.list({ path: '/api/streams', answer: streamPageSchema }, 100_000);
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No stream is defined.');
  const rows = items.map(({ name, definition, revision, updatedAt }) => [
    name,
    definition.source.kind,
    keyText(definition),
    windowText(definition),
    definition.aggregates.map((aggregate) => aggregate.name).join(' '),
    revision,
    ageText(updatedAt, now()),
  ]);
  terminal.data(tableOf(terminal, ['STREAM', 'OF', 'BY', 'WINDOW', 'AGGREGATES', 'REVISION', 'CHANGED'], rows));
};

const show = ({ terminal, json }: CommandContext, document: StreamDocument, status: StreamStatus): void => {
  if (json) return terminal.json({ ...document, status });
  const { definition } = document;
  const facts: (readonly [string, Cell])[] = [
    ['stream', document.name],
    ['of', definition.source.kind],
    ['where', definition.where],
    ['by', keyText(definition)],
    ['window', windowText(definition)],
    ['published', definition.publish],
    ['hash', document.hash],
    ['revision', document.revision],
    ['behind', status.head - status.position],
    ['open windows', status.openWindows],
    ...Object.entries(status.tally),
  ];
  terminal.data(factsOf(terminal, facts));
  const rows = definition.aggregates.map(({ name, aggregate, value }) => [name, aggregate, value]);
  terminal.data(`\n${tableOf(terminal, ['NAME', 'AGGREGATE', 'VALUE'], rows)}`);
};

const valueText = (value: WindowResult['values'][string]): string | null => {
  if (value === null) return null;
  const short = (number: number | null): string => (number === null ? '-' : String(Number(number.toPrecision(6))));
  if (typeof value === 'number') return short(value);
  return Object.entries(value)
    .map(([name, part]) => `${name}=${short(part)}`)
    .join(' ');
};

const showWindows = ({ terminal, json }: CommandContext, windows: readonly WindowResult[]): void => {
  if (json) return terminal.json(windows);
  if (windows.length === 0) return terminal.talk('No window matches.');
  const names = [...new Set(windows.flatMap(({ values }) => Object.keys(values)))];
  const rows = windows.map((window) => [
    window.key,
    instantText(window.startAt),
    (window.endAt - window.startAt) / SECOND_MS,
    window.state,
    window.revision,
    window.records,
    ...names.map((name) => valueText(window.values[name] ?? null)),
  ]);
  const heads = ['KEY', 'START', 'SECONDS', 'STATE', 'REVISION', 'RECORDS', ...names];
  terminal.data(tableOf(terminal, heads, rows));
};

const addReads = (stream: Command, surroundings: Surroundings): void => {
  stream
    .command('ls')
    .description('streams by name')
    .action((_: object, command: Command) => list(contextOf(surroundings, command)));
  stream
    .command('show')
    .argument('<stream>', 'stream', streamName)
    .description('one stream, how far it is, and what became of the records it has seen')
    .action(async (name: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const path = `/api/streams/${name}`;
      const document = await context.api.call({ path, answer: streamDocumentSchema });
      show(context, document, await context.api.call({ path: `${path}/status`, answer: streamStatusSchema }));
    });
  stream
    .command('windows')
    .argument('<stream>', 'stream', streamName)
    .option('--key <key>', 'of one key')
    .addOption(new Option('--level <level>', 'what tumbling windows are rolled up to').choices([...WINDOW_LEVELS]))
    .addOption(new Option('--state <state>', 'which windows').choices(['published', 'open', 'all']))
    .option('--since <span>', 'that end within this, for example 2h', spanMs)
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('windows of a stream, the newest of each key first')
    .action(async (name: string, options: Record<string, string | number>, command: Command) => {
      const context = contextOf(surroundings, command);
      const { key, level, state, since, limit } = options;
      const from = typeof since === 'number' ? context.now() - since : undefined;
      const query = { key, level, state, from, order: 'desc' };
      const path = `/api/streams/${name}/windows`;
      const { items, more } = await context.api.list({ path, query, answer: windowPageSchema }, Number(limit));
      showWindows(context, items);
      if (more) context.terminal.talk(`Only ${items.length} are shown; --limit shows more.`);
    });
};

const addChanges = (stream: Command, surroundings: Surroundings): void => {
  stream
    .command('define')
    .argument('<file>', 'a JSON file that holds one stream, or - for standard input')
    .description('define a stream, or replace it')
    .action(async (file: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const where = { collection: '/api/streams', missing: 'STREAM_NOT_FOUND', answer: streamDocumentSchema };
      const document = await putDefinition(context, await readDefinition(context, file, DEFINITION), where);
      if (context.json) context.terminal.json(document);
      else context.terminal.talk(`Stream ${document.name} is at revision ${document.revision}.`);
    });
  stream
    .command('try')
    .argument('<file>', 'a JSON file that holds one stream, or - for standard input')
    .option('--since <span>', 'over records not older than this; by default all that are stored', spanMs)
    .option('--limit <n>', 'windows shown', whole(1, 1_000), 20)
    .description('run a definition over stored history; nothing is saved')
    .action(async (file: string, { since, limit }: { since?: number; limit: number }, command: Command) => {
      const context = contextOf(surroundings, command);
      const definition = await readDefinition(context, file, DEFINITION);
      const body = { definition, limit, ...(since !== undefined && { from: context.now() - since }) };
      const answer = streamPreviewAnswerSchema;
      const trial = await context.api.call({ method: 'POST', path: '/api/streams/preview', body, answer });
      if (context.json) return context.terminal.json(trial);
      showWindows(context, trial.windows);
      const part = trial.isComplete ? '' : '; more is stored than a dry run reads, narrow it with --since';
      context.terminal.talk(
        `${trial.windowCount} windows of ${trial.keyCount} keys from ${trial.recordsRead} records${part}.`,
      );
    });
  stream
    .command('rm')
    .argument('<stream>', 'stream', streamName)
    .option('--yes', 'its windows go with it')
    .description('remove a stream with its windows')
    .action(async (name: string, { yes = false }: { yes?: boolean }, command: Command) => {
      if (!yes) throw cliError('CONFIRMATION_MISSING', `The windows of ${name} go with it; say --yes.`);
      const context = contextOf(surroundings, command);
      await context.api.call({ method: 'DELETE', path: `/api/streams/${name}`, answer: z.undefined() });
      context.terminal.talk(`Stream ${name} is removed.`);
    });
};

export const addStream = (program: Command, surroundings: Surroundings): void => {
  const stream = program.command('stream').description('windows of event time over what devices send');
  addReads(stream, surroundings);
  addChanges(stream, surroundings);
};
