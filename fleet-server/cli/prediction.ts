/** `shoal prediction submit | get | ls | latest | cancel | retry`: ask now, fetch later. */
import {
  PREDICTION_STATES,
  predictionPageSchema,
  predictionSubmitSchema,
  predictionTicketSchema,
  type PredictionTicket,
} from '@shoal/protocol';
import { Option, type Command } from 'commander';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { jsonOf } from './definition-file.ts';
import { cliError } from './errors.ts';
import { entityId } from './feature-names.ts';
import { ageText, spanMs, whole } from './moments.ts';
import { isOpen, outcomeText, predictionId, requireAnswer, showTicket, waited } from './prediction-ticket.ts';
import { tableOf } from './table.ts';

const MS_PER_SECOND = 1_000;
const MAX_WAIT_S = 86_400;

interface SubmitOptions {
  readonly entity?: string;
  readonly features?: string;
  readonly inputs?: string;
  readonly version?: string;
  readonly maxAge?: number;
  readonly ttl?: number;
  readonly priority?: number;
  readonly key?: string;
  readonly webhook?: string;
  readonly wait?: number;
}

/** As the API wants it. @throws CliError USAGE_INVALID */
const requestOf = (model: string, options: SubmitOptions): object => {
  const { entity, features, inputs, version, maxAge, ttl, priority, key, webhook } = options;
  const body = {
    model,
    ...(version !== undefined && { version }),
    ...(entity !== undefined && { entity }),
    ...(features !== undefined && { features: jsonOf(features) ?? null }),
    ...(inputs !== undefined && { inputs: jsonOf(inputs) ?? null }),
    ...(maxAge !== undefined && { maxAgeS: maxAge / MS_PER_SECOND }),
    ...(ttl !== undefined && { ttlS: ttl / MS_PER_SECOND }),
    ...(priority !== undefined && { priority }),
    ...(key !== undefined && { idempotencyKey: key }),
    ...(webhook !== undefined && { webhook: { url: webhook } }),
  };
  const parsed = predictionSubmitSchema.safeParse(body);
  if (parsed.success) return body;
  const [issue] = parsed.error.issues;
  throw cliError('USAGE_INVALID', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`);
};

const submit = async (context: CommandContext, model: string, options: SubmitOptions): Promise<void> => {
  const body = requestOf(model, options);
  const answer = predictionTicketSchema;
  const submitted = await context.api.call({ method: 'POST', path: '/api/predictions', body, answer });
  const ticket = await waited(context, submitted, options.wait ?? 0);
  showTicket(context, ticket);
  if (options.wait !== undefined) requireAnswer(ticket);
  else if (isOpen(ticket)) context.terminal.talk(`Fetch it with: shoal prediction get ${ticket.id}`);
};

const list = async (context: CommandContext, options: Record<string, string | number>): Promise<void> => {
  const { api, terminal, json, now } = context;
  const { state, model, entity, since, limit } = options;
  const from = typeof since === 'number' ? now() - since : undefined;
  const query = { state, model, entity, from };
  const { items, more } = await api.list(
    { path: '/api/predictions', query, answer: predictionPageSchema },
    Number(limit),
  );
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No ticket matches.');
  const rows = items.map((ticket) => [
    ticket.id,
    ticket.state,
    `${ticket.model} ${ticket.version}`,
    ticket.entity,
    ageText(ticket.createdAt, now()),
    outcomeText(ticket),
  ]);
  terminal.data(tableOf(terminal, ['TICKET', 'STATE', 'MODEL', 'ENTITY', 'AGE', 'PREDICTION'], rows));
  if (more) terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
};

const change = async (context: CommandContext, id: string, what: 'cancel' | 'retry'): Promise<PredictionTicket> =>
  context.api.call({ method: 'POST', path: `/api/predictions/${id}/${what}`, answer: predictionTicketSchema });

const addSubmit = (prediction: Command, surroundings: Surroundings): void => {
  prediction
    .command('submit')
    .argument('<model>', 'name of a model the server has')
    .option('--entity <id>', 'what it is about; its features are looked up', entityId)
    .option('--features <json>', 'a row [1,2], rows [[1,2],[3,4]], or with an entity {"view:feature":1}')
    .option('--inputs <json>', 'tensors of the Open Inference Protocol')
    .option('--version <version>', 'a version of the model; by default the newest')
    .option('--max-age <span>', 'an answer about the entity not older than this is good enough', spanMs)
    .option('--ttl <span>', 'not answered by then it expires; 1d by default', spanMs)
    .option('--priority <n>', '1 goes first, 9 last', whole(1, 9))
    .option('--key <text>', 'the same key again is the same ticket')
    .option('--webhook <url>', 'told when it is final')
    .option('--wait <seconds>', 'wait so long for the answer', whole(1, MAX_WAIT_S))
    .description('ask for a prediction; prints a ticket, or the answer with --wait')
    .action((model: string, options: SubmitOptions, command: Command) =>
      submit(contextOf(surroundings, command), model, options),
    );
};

const addReads = (prediction: Command, surroundings: Surroundings): void => {
  prediction
    .command('get')
    .alias('status')
    .argument('<ticket>', 'ticket', predictionId)
    .option('--wait <seconds>', 'wait so long for the answer', whole(1, MAX_WAIT_S))
    .description('one ticket as it is now')
    .action(async (id: string, { wait }: { wait?: number }, command: Command) => {
      const context = contextOf(surroundings, command);
      const path = `/api/predictions/${id}`;
      const ticket = await context.api.call({ path, answer: predictionTicketSchema });
      const seen = await waited(context, ticket, wait ?? 0);
      showTicket(context, seen);
      if (wait !== undefined) requireAnswer(seen);
    });
  prediction
    .command('latest')
    .argument('<model>', 'model')
    .argument('<entity>', 'entity', entityId)
    .description('the newest answer about an entity')
    .action(async (model: string, entity: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const query = { model, entity };
      const ticket = await context.api.call({
        path: '/api/predictions/latest',
        query,
        answer: predictionTicketSchema,
      });
      showTicket(context, ticket);
    });
  prediction
    .command('ls')
    .addOption(new Option('--state <state>', 'in this state').choices([...PREDICTION_STATES]))
    .option('--model <model>', 'of this model')
    .option('--entity <id>', 'about this entity', entityId)
    .option('--since <span>', 'submitted within this, for example 2h', spanMs)
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('tickets, the newest first')
    .action((options: Record<string, string | number>, command: Command) =>
      list(contextOf(surroundings, command), options),
    );
};

export const addPrediction = (program: Command, surroundings: Surroundings): void => {
  const prediction = program.command('prediction').description('asynchronous predictions: ask now, fetch later');
  addSubmit(prediction, surroundings);
  addReads(prediction, surroundings);
  prediction
    .command('cancel')
    .argument('<ticket>', 'ticket', predictionId)
    .description('cancel an open ticket')
    .action(async (id: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      showTicket(context, await change(context, id, 'cancel'));
    });
  prediction
    .command('retry')
    .argument('<ticket>', 'ticket', predictionId)
    .option('--wait <seconds>', 'wait so long for the answer', whole(1, MAX_WAIT_S))
    .description('run a ticket that failed, expired or was canceled once more')
    .action(async (id: string, { wait }: { wait?: number }, command: Command) => {
      const context = contextOf(surroundings, command);
      const ticket = await waited(context, await change(context, id, 'retry'), wait ?? 0);
      showTicket(context, ticket);
      if (wait !== undefined) requireAnswer(ticket);
    });
};
