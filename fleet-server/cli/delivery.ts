/** `shoal delivery ls | get | test | send-again`, and `shoal delivery secret …`: what is told to the outside, and how it went. */
import {
  DELIVERY_STATES,
  deliveryDetailSchema,
  deliveryIdSchema,
  deliveryPageSchema,
  deliverySchema,
  type Delivery,
  type DeliveryChannel,
  type DeliveryDetail,
} from '@shoal/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { addDeliverySecret } from './delivery-secret.ts';
import { cliError } from './errors.ts';
import { ageText, instantText, spanMs, whole } from './moments.ts';
import { factsOf, tableOf } from './table.ts';

const POLL_MS = 200;

const deliveryId = (text: string): string => {
  if (deliveryIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A delivery id is 1-128 characters of A-Z, a-z, 0-9 and "_.-".');
};

const targetOf = (channel: DeliveryChannel): string =>
  channel.type === 'webhook' ? channel.url : channel.type === 'email' ? channel.to : channel.topic;

const list = async (context: CommandContext, options: Record<string, string | number>): Promise<void> => {
  const { api, terminal, json, now } = context;
  const { state, channel, subject, sourceKind, source, since, limit } = options;
  const from = typeof since === 'number' ? now() - since : undefined;
  const query = { state, channel, subject, sourceKind, sourceId: source, from };
  const { items, more } = await api.list({ path: '/api/deliveries', query, answer: deliveryPageSchema }, Number(limit));
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No delivery matches.');
  const rows = items.map((item) => [
    item.id,
    item.state,
    item.subject,
    targetOf(item.channel),
    item.attempts,
    ageText(item.createdAt, now()),
    item.lastError?.code,
  ]);
  terminal.data(tableOf(terminal, ['DELIVERY', 'STATE', 'SUBJECT', 'TO', 'ATTEMPTS', 'AGE', 'ERROR'], rows));
  if (more) terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
};

const show = ({ terminal, json }: CommandContext, delivery: DeliveryDetail): void => {
  if (json) return terminal.json(delivery);
  const { id, state, subject, source, channel, createdAt, nextAttemptAt, finishedAt, lastError } = delivery;
  terminal.data(
    factsOf(terminal, [
      ['delivery', id],
      ['state', state],
      ['subject', subject],
      ['source', `${source.kind} ${source.id}`],
      ['to', `${channel.type} ${targetOf(channel)}`],
      ['created', instantText(createdAt)],
      ['next attempt', instantText(nextAttemptAt)],
      ['finished', instantText(finishedAt)],
      ['error', lastError === null ? null : `${lastError.code}: ${lastError.message}`],
      ['body', JSON.stringify(delivery.body)],
    ]),
  );
  const rows = delivery.history.map(({ attempt, at, durationMs, outcome, status, error }) => [
    attempt,
    instantText(at),
    durationMs,
    outcome,
    status,
    error?.message,
  ]);
  terminal.data(`\n${tableOf(terminal, ['ATTEMPT', 'AT', 'MS', 'OUTCOME', 'STATUS', 'ERROR'], rows)}`);
};

const read = ({ api }: CommandContext, id: string): Promise<DeliveryDetail> =>
  api.call({ path: `/api/deliveries/${id}`, answer: deliveryDetailSchema });

/** Waits for the next attempt. @throws CliError DELIVERY_NOT_ARRIVED */
const report = async (context: CommandContext, { id }: Delivery, attemptsBefore: number): Promise<void> => {
  let delivery = await read(context, id);
  while (delivery.attempts <= attemptsBefore && delivery.state === 'pending' && !context.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    delivery = await read(context, id);
  }
  if (context.json) context.terminal.json(delivery);
  if (delivery.state === 'delivered') context.terminal.talk(`Delivery ${id} arrived.`);
  else throw cliError('DELIVERY_NOT_ARRIVED', `Delivery ${id} did not arrive: ${delivery.lastError?.message ?? '-'}`);
};

const channelOf = ({ webhook, secret, email, topic }: Record<string, string | undefined>): DeliveryChannel => {
  const channels: DeliveryChannel[] = [
    ...(webhook === undefined
      ? []
      : [{ type: 'webhook' as const, url: webhook, ...(secret !== undefined && { secretName: secret }) }]),
    ...(email === undefined ? [] : [{ type: 'email' as const, to: email }]),
    ...(topic === undefined ? [] : [{ type: 'mqtt' as const, topic, retain: false }]),
  ];
  const [channel] = channels;
  if (channel === undefined || channels.length > 1) {
    throw cliError('USAGE_INVALID', 'Name one of --webhook, --email and --topic.');
  }
  return channel;
};

export const addDelivery = (program: Command, surroundings: Surroundings): void => {
  const delivery = program.command('delivery').description('webhooks, e-mail and MQTT to others, and how they went');
  delivery
    .command('ls')
    .addOption(new Option('--state <state>', 'of one state').choices([...DELIVERY_STATES]))
    .addOption(new Option('--channel <channel>', 'by one channel').choices(['webhook', 'email', 'mqtt']))
    .option('--subject <subject>', 'for example alert.fired')
    .option('--source-kind <kind>', 'about one kind of thing, for example alert')
    .option('--source <id>', 'about one thing')
    .option('--since <span>', 'not older than this, for example 2h', spanMs)
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('deliveries, newest first')
    .action((options: Record<string, string | number>, command: Command) =>
      list(contextOf(surroundings, command), options),
    );
  delivery
    .command('get')
    .argument('<delivery>', 'delivery', deliveryId)
    .description('one delivery with what is sent and every attempt')
    .action(async (id: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      show(context, await read(context, id));
    });
  delivery
    .command('send-again')
    .argument('<delivery>', 'delivery', deliveryId)
    .option('--note <text>', 'why, for the audit trail', '')
    .description('send a delivery again, under the same id')
    .action(async (id: string, { note }: { note: string }, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { path: `/api/deliveries/${id}/send-again`, body: { note }, answer: deliverySchema };
      const again = await context.api.call({ ...call, method: 'POST' });
      await report(context, again, again.attempts);
    });
  delivery
    .command('test')
    .option('--webhook <url>', 'to a URL')
    .option('--secret <name>', 'which secret signs the webhook')
    .option('--email <address>', 'to a mail address')
    .option('--topic <topic>', 'to a topic of the broker')
    .description('send a test message and say whether it arrived')
    .action(async (options: Record<string, string | undefined>, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { path: '/api/deliveries', body: { channel: channelOf(options) }, answer: deliverySchema };
      await report(context, await context.api.call({ ...call, method: 'POST' }), 0);
    });
  addDeliverySecret(delivery, surroundings);
};
