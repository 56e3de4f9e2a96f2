/** `shoal delivery secret ls | new | rotate | rm`: what signs webhooks; a secret is printed once, when it is made. */
import {
  webhookSecretNameSchema,
  webhookSecretPageSchema,
  webhookSecretShownSchema,
  type WebhookSecretShown,
} from '@shoal/protocol';
import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { ageText, spanMs } from './moments.ts';
import { tableOf } from './table.ts';

const DAY_MS = 86_400_000;

const secretName = (text: string): string => {
  if (webhookSecretNameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A secret name is 1-63 characters of a-z, 0-9 and "-".');
};

const list = async ({ api, terminal, json, now }: CommandContext): Promise<void> => {
  const { items } = await api.list({ path: '/api/webhook-secrets', answer: webhookSecretPageSchema }, 10_000);
  if (json) return terminal.json(items);
  const rows = items.map(({ name, signatures, changedAt }) => [name, signatures, ageText(changedAt, now())]);
  terminal.data(tableOf(terminal, ['SECRET', 'SIGNATURES', 'CHANGED'], rows));
};

/** The secret alone on stdout, so that a script can take it. */
const tell = ({ terminal, json }: CommandContext, shown: WebhookSecretShown): void => {
  if (json) return terminal.json(shown);
  terminal.talk(`Secret ${shown.name}, shown this once:`);
  terminal.data(shown.secret);
};

export const addDeliverySecret = (delivery: Command, surroundings: Surroundings): void => {
  const secret = delivery.command('secret').description('what signs webhooks');
  secret
    .command('ls')
    .description('secrets by name')
    .action((_: object, command: Command) => list(contextOf(surroundings, command)));
  secret
    .command('new')
    .argument('<name>', 'name of the secret', secretName)
    .description('make a secret and print it once')
    .action(async (name: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { path: '/api/webhook-secrets', body: { name }, answer: webhookSecretShownSchema };
      tell(context, await context.api.call({ ...call, method: 'POST' }));
    });
  secret
    .command('rotate')
    .argument('<name>', 'name of the secret', secretName)
    .option('--keep-old <span>', 'for so long the one before signs too', spanMs, DAY_MS)
    .description('replace a secret and print the new one once')
    .action(async (name: string, { keepOld }: { keepOld: number }, command: Command) => {
      const context = contextOf(surroundings, command);
      const body = { keepOldMs: keepOld };
      const call = { path: `/api/webhook-secrets/${name}`, body, answer: webhookSecretShownSchema };
      tell(context, await context.api.call({ ...call, method: 'PUT' }));
    });
  secret
    .command('rm')
    .argument('<name>', 'name of the secret', secretName)
    .option('--yes', 'deliveries that name it fail from then on')
    .description('remove a secret')
    .action(async (name: string, { yes = false }: { yes?: boolean }, command: Command) => {
      if (!yes) throw cliError('CONFIRMATION_MISSING', `Deliveries that name ${name} fail from then on; say --yes.`);
      const context = contextOf(surroundings, command);
      await context.api.call({ method: 'DELETE', path: `/api/webhook-secrets/${name}`, answer: z.undefined() });
      context.terminal.talk(`Secret ${name} is removed.`);
    });
};
