/** `shoal model backtest | backtests`: a release over the last days of stored data, beside the model in force. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import {
  BACKTEST_STATES,
  backtestIncidentSchema,
  backtestPageSchema,
  backtestSchema,
  modelNameSchema,
  type Backtest,
  type BacktestIncident,
} from '@shoal/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { parse } from 'csv-parse/sync';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { ageText, instantText, whole } from './moments.ts';
import { factsOf, tableOf, type Cell } from './table.ts';

const LOOK_MS = 500;
const OPEN: ReadonlySet<Backtest['state']> = new Set(['queued', 'running']);

interface Candidate {
  readonly model: string;
  readonly candidate: string;
}
/** Argument parser: `name@version` or `name@alias`. */
const candidateName = (text: string): Candidate => {
  const [model = '', candidate = ''] = text.split('@');
  if (modelNameSchema.safeParse(model).success && candidate !== '') return { model, candidate };
  throw new InvalidArgumentError('A candidate is for example pump-anomaly@1.1.0 or pump-anomaly@challenger.');
};

/** Milliseconds since the epoch, or an RFC 3339 time. */
const instantOf = (cell: string | undefined): number =>
  cell !== undefined && /^\d+$/.test(cell) ? Number(cell) : Date.parse(cell ?? '');

/** A CSV file with the columns entity, from and to. @throws CliError USAGE_INVALID with the first bad row */
const readIncidents = (file: string): BacktestIncident[] => {
  let rows: readonly Readonly<Record<string, string>>[];
  try {
    rows = parse(readFileSync(file, 'utf8'), { bom: true, columns: true, trim: true, skip_empty_lines: true });
  } catch (cause) {
    throw cliError('USAGE_INVALID', `${file} cannot be read as CSV: ${(cause as Error).message}`, { cause });
  }
  return rows.map(({ entity, from, to }, index) => {
    const incident = { entity, from: instantOf(from), to: instantOf(to) };
    const checked = backtestIncidentSchema.safeParse(incident);
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    const where = issue?.path.join('.') || 'the row';
    throw cliError(
      'USAGE_INVALID',
      `${file}, row ${index + 1}, ${where}: ${issue?.message}; columns are entity, from, to.`,
    );
  });
};

const amount = (value: number): string => value.toLocaleString('en');

const progressText = ({ state, progress: { entities, expected, rows } }: Backtest): string =>
  `${state}: ${amount(entities)}${expected === null ? '' : ` of ${amount(expected)}`} entities, ${amount(rows)} verdicts`;

const percent = (share: number | null | undefined): string | null =>
  share == null ? null : `${(100 * share).toFixed(2)} %`;

const figureFacts = ({ figures }: Backtest): (readonly [string, Cell])[] => {
  if (figures === null) return [];
  const { rows, entities, agreement, maxPsi, alarms, champion, candidate } = figures;
  const micro = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
  return [
    ['compared', `${amount(rows)} verdicts of ${amount(entities)} entities`],
    ['agreement', percent(agreement)],
    ['shift (PSI)', maxPsi === null ? null : maxPsi.toFixed(3)],
    ['alarms', `${candidate.alarms}; base ${champion.alarms}`],
    ['extra, missed', `${alarms.extra}, ${alarms.missed}`],
    ...[candidate, champion].map((side): readonly [string, Cell] => [
      side === candidate ? 'incidents' : 'of the base',
      side.incidents === null
        ? null
        : `${side.incidents.found} found, ${side.incidents.missed} missed, ${side.incidents.falseAlarms} false alarms`,
    ]),
    ['engine, µs per row', `${micro(candidate.usPerRow)}; base ${micro(champion.usPerRow)}`],
  ];
};

const show = ({ terminal, json }: CommandContext, backtest: Backtest): void => {
  if (json) return terminal.json(backtest);
  const { backtestId, model, candidate, champion, state, from, to, startedAt, finishedAt, error } = backtest;
  terminal.data(
    factsOf(terminal, [
      ['backtest', backtestId],
      ['candidate', `${model}@${candidate.version}`],
      ['base', `${model}@${champion.version}`],
      ['span', `${instantText(from) ?? ''} to ${instantText(to) ?? ''}`],
      ['state', state],
      ...figureFacts(backtest),
      ['took', startedAt === null || finishedAt === null ? null : `${finishedAt - startedAt} ms`],
      ['error', error === null ? null : `${error.code}: ${error.message}`],
    ]),
  );
};

/** Looks until it ends or the person wants out: then it goes on all the same. */
const follow = async ({ api, terminal, signal }: CommandContext, asked: Backtest): Promise<Backtest> => {
  let backtest = asked;
  while (OPEN.has(backtest.state) && !signal.aborted) {
    await setTimeout(LOOK_MS, undefined, { signal }).catch(() => undefined);
    backtest = await api.call({ path: `/api/backtests/${asked.backtestId}`, answer: backtestSchema });
    terminal.progress(progressText(backtest));
  }
  terminal.progress('');
  return backtest;
};

interface BacktestOptions {
  readonly against: string;
  readonly days: number;
  readonly everyHours?: number;
  readonly devices?: string;
  readonly source?: string;
  readonly incidents?: string;
  readonly report?: string;
  readonly wait: boolean;
}

const backtest = async (context: CommandContext, candidate: Candidate, options: BacktestOptions): Promise<void> => {
  const { incidents, report, wait, ...rest } = options;
  const body = { ...candidate, ...rest, ...(incidents !== undefined && { incidents: readIncidents(incidents) }) };
  const asked = await context.api.call({ method: 'POST', path: '/api/backtests', body, answer: backtestSchema });
  const ended = wait ? await follow(context, asked) : asked;
  show(context, ended);
  if (report !== undefined) {
    writeFileSync(report, await context.api.text(`/api/backtests/${ended.backtestId}/report`));
    context.terminal.talk(`The report is in ${report}.`);
  }
  if (!wait || ended.state === 'finished' || OPEN.has(ended.state)) return;
  const why = ended.error === null ? '' : `: ${ended.error.message}`;
  throw cliError('BACKTEST_FAILED', `Backtest ${ended.backtestId} is ${ended.state}${why}`);
};

const list = async (context: CommandContext, options: Record<string, string | number>): Promise<void> => {
  const { api, terminal, json, now } = context;
  const { model, state, limit } = options;
  const call = { path: '/api/backtests', query: { model, state }, answer: backtestPageSchema };
  const { items, more } = await api.list(call, Number(limit));
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No backtest matches.');
  const rows = items.map((each) => [
    each.backtestId,
    `${each.model}@${each.candidate.version}`,
    each.champion.version,
    each.state,
    percent(each.figures?.agreement),
    each.figures?.maxPsi?.toFixed(3),
    each.figures === null ? null : `${each.figures.alarms.extra}/${each.figures.alarms.missed}`,
    ageText(each.createdAt, now()),
    each.error?.code,
  ]);
  const heads = ['BACKTEST', 'CANDIDATE', 'BASE', 'STATE', 'AGREE', 'PSI', 'EXTRA/MISSED', 'AGE', 'ERROR'];
  terminal.data(tableOf(terminal, heads, rows));
  if (more) terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
};

export const addBacktests = (model: Command, surroundings: Surroundings): void => {
  model
    .command('backtest')
    .argument('<model@candidate>', 'release or alias', candidateName)
    .option('--against <base>', 'release or alias to hold it against', 'champion')
    .option('--days <n>', 'the last so many days', whole(1, 366), 7)
    .option('--devices <labels>', 'only devices with these labels, as in `device ls`')
    .option('--source <name>', 'only readings of this sensor source')
    .option('--every-hours <n>', 'models of entity features: an as-of instant every so often', whole(1, 168))
    .option('--incidents <file>', 'CSV with entity, from, to: when something was wrong, as people know by now')
    .option('--report <file>', 'write the page with plots there')
    .option('--no-wait', 'do not wait for its end')
    .description('run a release over stored data beside the model in force, before any device gets it')
    .action((candidate: Candidate, options: BacktestOptions, command: Command) =>
      backtest(contextOf(surroundings, command), candidate, options),
    );
  model
    .command('backtests')
    .option('--model <name>', 'of one model')
    .addOption(new Option('--state <state>', 'in this state').choices([...BACKTEST_STATES]))
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 20)
    .description('backtests, the newest first')
    .action((options: Record<string, string | number>, command: Command) =>
      list(contextOf(surroundings, command), options),
    );
};
