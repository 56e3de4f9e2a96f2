/** Backfills on the terminal: past days submitted, followed to their end, listed and shown. */
import { setTimeout } from 'node:timers/promises';
import {
  scoringBackfillIdSchema,
  scoringBackfillPageSchema,
  scoringBackfillSchema,
  type ScoringBackfill,
} from '@shoal/protocol';
import { InvalidArgumentError, type Command } from 'commander';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { ageText, instantText } from './moments.ts';
import { jobName } from './scoring-run.ts';
import { factsOf, tableOf } from './table.ts';

const LOOK_MS = 1_000;

/** Argument parser. */
export const day = (text: string): string => {
  if (/^\d{4}-\d\d-\d\d$/.test(text) && Number.isFinite(Date.parse(text))) return text;
  throw new InvalidArgumentError('Give a day such as 2026-11-01.');
};
/** Argument parser. */
const backfillId = (text: string): string => {
  if (scoringBackfillIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A backfill is "b-" and 20 hex digits.');
};

const daysText = ({ days: { total, done, failed } }: ScoringBackfill): string =>
  `${done} of ${total}${failed > 0 ? `, ${failed} failed` : ''}`;

const showBackfill = ({ terminal, json }: CommandContext, backfill: ScoringBackfill): void => {
  if (json) return terminal.json(backfill);
  const { id, job, state, model, from, to, run, createdAt, finishedAt, error } = backfill;
  return terminal.data(
    factsOf(terminal, [
      ['backfill', id],
      ['job', job],
      ['state', state],
      ['model', `${model.name} ${model.version}`],
      ['days', `${from} to ${to}: ${daysText(backfill)}`],
      ['at run', run],
      ['submitted', instantText(createdAt)],
      ['ended', finishedAt === null ? null : instantText(finishedAt)],
      ['error', error === null ? null : `${error.code}: ${error.message}`],
    ]),
  );
};

const pathOf = (id: string): string => `/api/scoring/backfills/${id}`;

/** Looks until it ends, or the person wants out: then it goes on all the same. */
const followed = async (
  { api, signal, terminal }: CommandContext,
  submitted: ScoringBackfill,
): Promise<ScoringBackfill> => {
  let backfill = submitted;
  while (backfill.state === 'running' && !signal.aborted) {
    await setTimeout(LOOK_MS, undefined, { signal }).catch(() => undefined);
    backfill = await api.call({ path: pathOf(submitted.id), answer: scoringBackfillSchema });
    terminal.progress(`${backfill.state}: ${daysText(backfill)} days`);
  }
  terminal.progress('');
  return backfill;
};

/** @throws CliError SCORING_FAILED when it waited and a day has no scores */
export const runOver = async (
  context: CommandContext,
  job: string,
  { from, to, wait }: { readonly from: string; readonly to: string; readonly wait: boolean },
): Promise<void> => {
  const path = `/api/scoring/jobs/${job}/backfills`;
  const submitted = await context.api.call({ method: 'POST', path, body: { from, to }, answer: scoringBackfillSchema });
  const backfill = wait ? await followed(context, submitted) : submitted;
  showBackfill(context, backfill);
  const { id, state, days } = backfill;
  if (wait && (state !== 'complete' || days.failed > 0))
    throw cliError('SCORING_FAILED', `Backfill ${id} is ${state}; ${daysText(backfill)} days have scores.`);
};

export const addBackfills = (batch: Command, surroundings: Surroundings): void => {
  const backfill = batch.command('backfill').description('past days of a job: see batch run --from --to');
  backfill
    .command('ls')
    .option('--job <job>', 'of one job', jobName)
    .description('backfills, the newest first')
    .action(async ({ job }: { job?: string }, command: Command) => {
      const { api, terminal, json, now } = contextOf(surroundings, command);
      const call = { path: '/api/scoring/backfills', query: { job }, answer: scoringBackfillPageSchema };
      const { items } = await api.list(call, 1_000);
      if (json) return terminal.json(items);
      if (items.length === 0) return terminal.talk('There is no backfill.');
      const rows = items.map((item) => [
        item.id,
        item.job,
        item.state,
        `${item.from} to ${item.to}`,
        daysText(item),
        ageText(item.createdAt, now()),
        item.error?.code,
      ]);
      return terminal.data(tableOf(terminal, ['BACKFILL', 'JOB', 'STATE', 'DAYS', 'DONE', 'AGE', 'ERROR'], rows));
    });
  backfill
    .command('show')
    .argument('<backfill>', 'backfill', backfillId)
    .option('--follow', 'until it ends')
    .description('one backfill, and how far it is')
    .action(async (id: string, { follow = false }: { follow?: boolean }, command: Command) => {
      const context = contextOf(surroundings, command);
      const found = await context.api.call({ path: pathOf(id), answer: scoringBackfillSchema });
      showBackfill(context, follow ? await followed(context, found) : found);
    });
  backfill
    .command('cancel')
    .argument('<backfill>', 'backfill', backfillId)
    .description('give a backfill up; days that are done stay')
    .action(async (id: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { method: 'POST', path: `${pathOf(id)}/cancel`, body: {}, answer: scoringBackfillSchema } as const;
      showBackfill(context, await context.api.call(call));
    });
};
