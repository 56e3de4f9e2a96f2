/** One scoring run on the terminal: followed to its end, and shown. */
import { setTimeout } from 'node:timers/promises';
import { scoringJobNameSchema, scoringRunIdSchema, scoringRunSchema, type ScoringRun } from '@shoal/protocol';
import { InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { cliError } from './errors.ts';
import { instantText } from './moments.ts';
import { factsOf, type Cell } from './table.ts';

const LOOK_MS = 500;

/** Argument parsers. */
export const runId = (text: string): string => {
  if (scoringRunIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A run is "r-" and 20 hex digits.');
};
export const jobName = (text: string): string => {
  if (scoringJobNameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A job name is 1-63 characters of a-z, 0-9 and "-".');
};

const OPEN: ReadonlySet<ScoringRun['state']> = new Set(['queued', 'running', 'validating']);

const amount = (value: number): string => Math.round(value).toLocaleString('en');

/** `409,600 of 1,000,000 rows, 180,000/s, 3 s left`. */
export const progressText = ({
  done,
  expected,
  carried,
  quarantined,
  rowsPerS,
  etaS,
}: ScoringRun['progress']): string =>
  [
    expected === null ? `${amount(done)} rows` : `${amount(done)} of ${amount(expected)} rows`,
    carried > 0 ? `${amount(carried)} carried over` : '',
    quarantined > 0 ? `${amount(quarantined)} set aside` : '',
    rowsPerS > 0 ? `${amount(rowsPerS)}/s` : '',
    etaS === null ? '' : `${amount(etaS)} s left`,
  ]
    .filter((part) => part !== '')
    .join(', ');

export const showRun = ({ terminal, json }: CommandContext, run: ScoringRun): void => {
  if (json) return terminal.json(run);
  const { id, job, state, isPublished, model, asOf, createdAt, startedAt, finishedAt, attempts, summary, error } = run;
  const facts: (readonly [string, Cell])[] = [
    ['run', id],
    ['job', job],
    ['state', state],
    ['read now', isPublished ? 'yes' : 'no'],
    ['model', `${model.name} ${model.version}`],
    ['as of', instantText(asOf)],
    ['progress', progressText(run.progress)],
    ['carried over from', run.base],
    ['backfill', run.backfill],
    ['submitted', instantText(createdAt)],
    ['took', startedAt === null || finishedAt === null ? null : `${finishedAt - startedAt} ms`],
    ['attempts', attempts],
    ['checksum', summary?.checksum],
    ['error', error === null ? null : `${error.code}: ${error.message}`],
  ];
  terminal.data(factsOf(terminal, facts));
};

/** Looks until it ends, is paused, or the person wants out: then the run goes on all the same. */
export const followRun = async (context: CommandContext, submitted: ScoringRun): Promise<ScoringRun> => {
  const { api, signal, terminal } = context;
  let run = submitted;
  while (OPEN.has(run.state) && !signal.aborted) {
    await setTimeout(LOOK_MS, undefined, { signal }).catch(() => undefined);
    run = await api.call({ path: `/api/scoring/runs/${run.id}`, answer: scoringRunSchema });
    terminal.progress(`${run.state}: ${progressText(run.progress)}`);
  }
  terminal.progress('');
  return run;
};

/** @throws CliError SCORING_FAILED unless it was published */
export const requirePublished = ({ id, state, error }: ScoringRun): void => {
  if (state === 'published') return;
  throw cliError('SCORING_FAILED', `Run ${id} is ${state}${error === null ? '' : `: ${error.message}`}`);
};
