/** `shoal batch define | ls | run | plan | backfill | runs | show | pause | resume | cancel | publish | rollback | score | rm`: nightly scoring. */
import {
  predictionTicketSchema,
  SCORING_STATES,
  scoreRecordSchema,
  scoringJobDocumentSchema,
  scoringJobPageSchema,
  scoringJobSchema,
  scoringPlanSchema,
  scoringRunPageSchema,
  scoringRunSchema,
  type PredictionTicket,
} from '@shoal/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { putDefinition, readDefinition } from './definition-file.ts';
import { cliError } from './errors.ts';
import { entityId } from './feature-names.ts';
import { ageText, instantText, whole } from './moments.ts';
import { addBackfills, day, runOver } from './scoring-backfill.ts';
import { addNights } from './scoring-nights.ts';
import { requireAnswer, showTicket, waited } from './prediction-ticket.ts';
import { followRun, jobName, progressText, requirePublished, runId, showRun } from './scoring-run.ts';
import { factsOf, tableOf } from './table.ts';

const DEFINITION = { schema: scoringJobSchema, what: 'scoring job' };

/** A model that is free answers in less than a second. */
const PREDICTION_WAIT_S = 60;

/** Argument parser: an RFC 3339 time → milliseconds. */
const instant = (text: string): number => {
  const at = Date.parse(text);
  if (Number.isFinite(at)) return at;
  throw new InvalidArgumentError('Give a time such as 2026-11-26T02:30:00Z.');
};

const listJobs = async ({ api, terminal, json, now }: CommandContext): Promise<void> => {
  const { items } = await api.list({ path: '/api/scoring/jobs', answer: scoringJobPageSchema }, 100_000);
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No scoring job is defined.');
  const rows = items.map(({ name, job, publishedRun, updatedAt }) => [
    name,
    `${job.model.name} ${job.model.version ?? '(newest)'}`,
    job.entities.kind === 'view' ? `view ${job.entities.view}` : job.entities.kind,
    job.schedule === undefined ? null : `${job.schedule.cron} ${job.schedule.zone}`,
    publishedRun,
    ageText(updatedAt, now()),
  ]);
  terminal.data(tableOf(terminal, ['JOB', 'MODEL', 'ENTITIES', 'SCHEDULE', 'PUBLISHED', 'CHANGED'], rows));
};

const listRuns = async (context: CommandContext, options: Record<string, string | number>): Promise<void> => {
  const { api, terminal, json, now } = context;
  const { job, state, limit } = options;
  const call = { path: '/api/scoring/runs', query: { job, state }, answer: scoringRunPageSchema };
  const { items, more } = await api.list(call, Number(limit));
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No run matches.');
  const rows = items.map((run) => [
    run.id,
    run.job,
    run.isPublished ? 'published, read now' : run.state,
    instantText(run.asOf),
    progressText(run.progress),
    ageText(run.createdAt, now()),
    run.error?.code,
  ]);
  terminal.data(tableOf(terminal, ['RUN', 'JOB', 'STATE', 'AS OF', 'PROGRESS', 'AGE', 'ERROR'], rows));
  if (more) terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
};

const addJobs = (batch: Command, surroundings: Surroundings): void => {
  batch
    .command('define')
    .argument('<file>', 'a JSON file that holds one scoring job, or - for standard input')
    .description('define a scoring job, or replace it')
    .action(async (file: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const where = {
        collection: '/api/scoring/jobs',
        missing: 'SCORING_JOB_NOT_FOUND',
        answer: scoringJobDocumentSchema,
      };
      const document = await putDefinition(context, await readDefinition(context, file, DEFINITION), where);
      if (context.json) context.terminal.json(document);
      else context.terminal.talk(`Job ${document.name} is at revision ${document.revision}.`);
    });
  batch
    .command('ls')
    .description('scoring jobs, and which run of each is read')
    .action((_: object, command: Command) => listJobs(contextOf(surroundings, command)));
  batch
    .command('rm')
    .argument('<job>', 'job', jobName)
    .option('--yes', 'its runs and scores go with it')
    .description('remove a job with its runs and scores')
    .action(async (job: string, { yes = false }: { yes?: boolean }, command: Command) => {
      if (!yes) throw cliError('CONFIRMATION_MISSING', `The scores of ${job} go with it; say --yes.`);
      const context = contextOf(surroundings, command);
      await context.api.call({ method: 'DELETE', path: `/api/scoring/jobs/${job}`, answer: z.undefined() });
      context.terminal.talk(`Job ${job} is removed.`);
    });
};

interface RunOptions {
  readonly asOf?: number;
  readonly from?: string;
  readonly to?: string;
  readonly wait: boolean;
}

const addExecution = (batch: Command, surroundings: Surroundings): void => {
  batch
    .command('run')
    .argument('<job>', 'job', jobName)
    .option('--as-of <time>', 'features as they were known then, for example 2026-11-26T02:30:00Z', instant)
    .option('--from <day>', 'one run for each past day from this one on, for example 2026-11-01', day)
    .option('--to <day>', 'up to this day', day)
    .option('--no-wait', 'do not wait for its end')
    .description('run a job now, or over past days, and follow it')
    .action(async (job: string, { asOf, from, to, wait }: RunOptions, command: Command) => {
      const context = contextOf(surroundings, command);
      if (from !== undefined || to !== undefined) {
        if (from === undefined || to === undefined || asOf !== undefined)
          throw cliError('USAGE_INVALID', 'Give --from and --to together, without --as-of.');
        return runOver(context, job, { from, to, wait });
      }
      const path = `/api/scoring/jobs/${job}/runs`;
      const body = asOf === undefined ? {} : { asOf };
      const submitted = await context.api.call({ method: 'POST', path, body, answer: scoringRunSchema });
      const run = wait ? await followRun(context, submitted) : submitted;
      showRun(context, run);
      return wait ? requirePublished(run) : undefined;
    });
  batch
    .command('plan')
    .argument('<job>', 'job', jobName)
    .option('--as-of <time>', 'for this instant', instant)
    .description('what a run would do, without running it')
    .action(async (job: string, { asOf }: { asOf?: number }, command: Command) => {
      const context = contextOf(surroundings, command);
      const body = asOf === undefined ? {} : { asOf };
      const path = `/api/scoring/jobs/${job}/plan`;
      const plan = await context.api.call({ method: 'POST', path, body, answer: scoringPlanSchema });
      if (context.json) return context.terminal.json(plan);
      const facts = [
        ['run', plan.isKnown ? `${plan.runId} (there already)` : plan.runId],
        ['model', `${plan.model.name} ${plan.model.version}`],
        ['as of', instantText(plan.asOf)],
        ['entities', plan.entities],
        ['partitions', plan.partitions],
        ['estimate', plan.estimateS === null ? null : `${plan.estimateS.toFixed(1)} s`],
      ] as const;
      return context.terminal.data(factsOf(context.terminal, facts));
    });
};

const addRuns = (batch: Command, surroundings: Surroundings): void => {
  batch
    .command('runs')
    .option('--job <job>', 'of one job', jobName)
    .addOption(new Option('--state <state>', 'in this state').choices([...SCORING_STATES]))
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 20)
    .description('runs, the newest first')
    .action((options: Record<string, string | number>, command: Command) =>
      listRuns(contextOf(surroundings, command), options),
    );
  batch
    .command('show')
    .argument('<run>', 'run', runId)
    .option('--follow', 'until it ends')
    .description('one run, how far it is and what came of it')
    .action(async (id: string, { follow = false }: { follow?: boolean }, command: Command) => {
      const context = contextOf(surroundings, command);
      const run = await context.api.call({ path: `/api/scoring/runs/${id}`, answer: scoringRunSchema });
      showRun(context, follow ? await followRun(context, run) : run);
    });
  const orders = {
    pause: 'stop a run, and keep what it has',
    resume: 'go on with a paused run',
    cancel: 'give a run up; what is published stays',
  } as const;
  for (const [verb, description] of Object.entries(orders)) {
    batch
      .command(verb)
      .argument('<run>', 'run', runId)
      .description(description)
      .action(async (id: string, _: object, command: Command) => {
        const context = contextOf(surroundings, command);
        const path = `/api/scoring/runs/${id}/${verb}`;
        showRun(context, await context.api.call({ method: 'POST', path, body: {}, answer: scoringRunSchema }));
      });
  }
};

const showPrediction = async (context: CommandContext, ticket: PredictionTicket): Promise<void> => {
  const seen = await waited(context, ticket, PREDICTION_WAIT_S);
  showTicket(context, seen);
  requireAnswer(seen);
};

const addPublication = (batch: Command, surroundings: Surroundings): void => {
  batch
    .command('publish')
    .argument('<job>', 'job', jobName)
    .argument('<run>', 'a complete run of it', runId)
    .option('--force', 'also when its validation failed')
    .description('let a run be read')
    .action(async (job: string, id: string, { force = false }: { force?: boolean }, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { path: `/api/scoring/jobs/${job}/publish`, body: { runId: id, force }, answer: scoringRunSchema };
      showRun(context, await context.api.call({ method: 'POST', ...call }));
    });
  batch
    .command('rollback')
    .argument('<job>', 'job', jobName)
    .argument('[run]', 'a run that was published before; by default the last one', runId)
    .description('let the run before be read again')
    .action(async (job: string, id: string | undefined, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const body = id === undefined ? {} : { runId: id };
      const call = { path: `/api/scoring/jobs/${job}/rollback`, body, answer: scoringRunSchema };
      showRun(context, await context.api.call({ method: 'POST', ...call }));
    });
  batch
    .command('score')
    .argument('<job>', 'job', jobName)
    .argument('<entity>', 'entity', entityId)
    .option('--predict', 'without a score: ask the model of the job now, and wait for its answer')
    .description('the score of one entity')
    .action(async (job: string, entity: string, { predict = false }: { predict?: boolean }, command: Command) => {
      const context = contextOf(surroundings, command);
      const path = `/api/scores/${job}/${encodeURIComponent(entity)}`;
      const query = predict ? { onMiss: 'predict' } : {};
      const record = await context.api.call({ path, query, answer: scoreRecordSchema.or(predictionTicketSchema) });
      if ('links' in record) return showPrediction(context, record);
      if (context.json) return context.terminal.json(record);
      const facts = Object.entries({ ...record.scores, run: record.runId, 'as of': instantText(record.asOf) });
      return context.terminal.data(factsOf(context.terminal, facts));
    });
};

export const addBatch = (program: Command, surroundings: Surroundings): void => {
  const batch = program.command('batch').description('nightly scoring: jobs, runs, and which run is read');
  addJobs(batch, surroundings);
  addExecution(batch, surroundings);
  addRuns(batch, surroundings);
  addPublication(batch, surroundings);
  addNights(batch, surroundings);
  addBackfills(batch, surroundings);
};
