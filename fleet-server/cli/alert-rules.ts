/** `shoal alert rules | rule | define | preview | rm`: what is watched, and what it would have told. */
import {
  alertPreviewAnswerSchema,
  alertRuleDocumentSchema,
  alertRuleNameSchema,
  alertRulePageSchema,
  alertRuleSchema,
  alertRuleStatusSchema,
  type AlertRule,
} from '@shoal/protocol';
import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { putDefinition, readDefinition } from './definition-file.ts';
import { cliError } from './errors.ts';
import { ageText, instantText, spanMs, whole } from './moments.ts';
import { factsOf, tableOf } from './table.ts';

const SECOND_MS = 1_000;
const WEEK_MS = 7 * 86_400_000;
const DEFINITION = { schema: alertRuleSchema, what: 'rule' };

export const ruleName = (text: string): string => {
  if (alertRuleNameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A rule name is 1-63 characters of a-z, 0-9 and "-".');
};

const onText = ({ on }: AlertRule): string => (on.kind === 'window' ? `windows of ${on.stream}` : on.kind);

const whenText = ({ on, when, forMs }: AlertRule): string => {
  const held = forMs > 0 ? ` for ${forMs / SECOND_MS} s` : '';
  if (on.kind === 'absence') return `nothing for ${on.afterMs / SECOND_MS} s`;
  if (when === undefined) return `one comes${held}`;
  const { condition, value, above, below } = when;
  if (condition !== undefined) return `${condition}${held}`;
  return `${value} ${above === undefined ? `below ${below}` : `above ${above}`}${held}`;
};

const list = async ({ api, terminal, json, now }: CommandContext): Promise<void> => {
  const { items } = await api.list({ path: '/api/alert-rules', answer: alertRulePageSchema }, 100_000);
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No rule is defined.');
  const rows = items.map(({ name, rule, revision, updatedAt }) => [
    name,
    rule.isEnabled ? rule.severity : 'off',
    onText(rule),
    whenText(rule),
    rule.notify.channels.map(({ type }) => type).join(' '),
    revision,
    ageText(updatedAt, now()),
  ]);
  terminal.data(tableOf(terminal, ['RULE', 'SEVERITY', 'ON', 'WHEN', 'TELLS', 'REVISION', 'CHANGED'], rows));
};

const show = async (context: CommandContext, name: string): Promise<void> => {
  const { api, terminal, json } = context;
  const path = `/api/alert-rules/${name}`;
  const document = await api.call({ path, answer: alertRuleDocumentSchema });
  const status = await api.call({ path: `${path}/status`, answer: alertRuleStatusSchema });
  if (json) return terminal.json({ ...document, status });
  const { rule } = document;
  terminal.data(
    factsOf(terminal, [
      ['rule', name],
      ['severity', rule.severity],
      ['on', onText(rule)],
      ['when', whenText(rule)],
      ['revision', document.revision],
      ['firing', status.firing],
      ['pending', status.pending],
      ['considered', status.considered],
      ['late', status.late],
      ['historical', status.historical],
      ['definition', JSON.stringify(rule)],
    ]),
  );
};

const preview = async (context: CommandContext, file: string, since: number, limit: number): Promise<void> => {
  const { api, terminal, json, now } = context;
  const rule = await readDefinition(context, file, DEFINITION);
  const body = { rule, from: now() - since, to: now(), limit };
  const call = { path: '/api/alert-rules/preview', body, answer: alertPreviewAnswerSchema };
  const answer = await api.call({ ...call, method: 'POST' });
  if (json) return terminal.json(answer);
  const rows = answer.firings.map(({ key, since: wrongSince, firedAt, resolvedAt, value }) => [
    key,
    instantText(wrongSince),
    instantText(firedAt),
    instantText(resolvedAt),
    String(value ?? '-'),
  ]);
  if (rows.length > 0) terminal.data(tableOf(terminal, ['KEY', 'SINCE', 'FIRED', 'RESOLVED', 'VALUE'], rows));
  const part = answer.isComplete ? '' : ' More is stored than a dry run reads; narrow it with --since.';
  terminal.talk(`${answer.sentence}${part}`);
};

export const addAlertRules = (alert: Command, surroundings: Surroundings): void => {
  alert
    .command('rules')
    .description('rules by name')
    .action((_: object, command: Command) => list(contextOf(surroundings, command)));
  alert
    .command('rule')
    .argument('<rule>', 'rule', ruleName)
    .description('one rule, what it has looked at, and what it has open')
    .action((name: string, _: object, command: Command) => show(contextOf(surroundings, command), name));
  alert
    .command('define')
    .argument('<file>', 'a JSON file that holds one rule, or - for standard input')
    .description('define a rule, or replace it')
    .action(async (file: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const where = {
        collection: '/api/alert-rules',
        missing: 'ALERT_RULE_NOT_FOUND',
        answer: alertRuleDocumentSchema,
      };
      const document = await putDefinition(context, await readDefinition(context, file, DEFINITION), where);
      if (context.json) context.terminal.json(document);
      else context.terminal.talk(`Rule ${document.name} is at revision ${document.revision}.`);
    });
  alert
    .command('preview')
    .argument('<file>', 'a JSON file that holds one rule, or - for standard input')
    .option('--since <span>', 'over what is stored and not older than this', spanMs, WEEK_MS)
    .option('--limit <n>', 'firings shown', whole(1, 1_000), 20)
    .description('say when a rule would have fired; nothing is saved')
    .action((file: string, { since, limit }: { since: number; limit: number }, command: Command) =>
      preview(contextOf(surroundings, command), file, since, limit),
    );
  alert
    .command('rm')
    .argument('<rule>', 'rule', ruleName)
    .option('--yes', 'what it has open is resolved')
    .description('remove a rule')
    .action(async (name: string, { yes = false }: { yes?: boolean }, command: Command) => {
      if (!yes) throw cliError('CONFIRMATION_MISSING', `What ${name} has open is resolved with it; say --yes.`);
      const context = contextOf(surroundings, command);
      await context.api.call({ method: 'DELETE', path: `/api/alert-rules/${name}`, answer: z.undefined() });
      context.terminal.talk(`Rule ${name} is removed.`);
    });
};
