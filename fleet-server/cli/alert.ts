/** `shoal alert ls | show | ack | note | resolve`, and what hangs below it: rules and silences. */
import {
  ALERT_STATES,
  alertDetailSchema,
  alertIdSchema,
  alertPageSchema,
  alertSchema,
  severitySchema,
  type Alert,
  type AlertDetail,
} from '@shoal/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { addAlertRules } from './alert-rules.ts';
import { addSilences } from './alert-silences.ts';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { ageText, instantText, spanMs, whole } from './moments.ts';
import { factsOf, tableOf } from './table.ts';

const alertId = (text: string): string => {
  if (alertIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('An alert id looks like a-3f9c-17.');
};

const stateText = ({ state, acknowledgedBy }: Alert): string =>
  state === 'firing' && acknowledgedBy !== null ? 'acknowledged' : state;

const list = async (context: CommandContext, options: Record<string, string | number>): Promise<void> => {
  const { api, terminal, json, now } = context;
  const { state, severity, rule, key, since, limit } = options;
  const from = typeof since === 'number' ? now() - since : undefined;
  const query = { state, severity, rule, key, from };
  const { items, more } = await api.list({ path: '/api/alerts', query, answer: alertPageSchema }, Number(limit));
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No alert matches.');
  const rows = items.map((alert) => [
    alert.alertId,
    stateText(alert),
    alert.severity,
    alert.rule,
    alert.key,
    String(alert.value ?? '-'),
    ageText(alert.since, now()),
    alert.resolution,
  ]);
  terminal.data(tableOf(terminal, ['ALERT', 'STATE', 'SEVERITY', 'RULE', 'KEY', 'VALUE', 'SINCE', 'ENDED'], rows));
  if (more) terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
};

const show = ({ terminal, json }: CommandContext, alert: AlertDetail): void => {
  if (json) return terminal.json(alert);
  terminal.data(
    factsOf(terminal, [
      ['alert', alert.alertId],
      ['rule', alert.rule],
      ['severity', alert.severity],
      ['state', stateText(alert)],
      ['key', alert.key],
      ['value', String(alert.value ?? '-')],
      ['wrong since', instantText(alert.since)],
      ['fired', instantText(alert.firedAt)],
      ['resolved', instantText(alert.resolvedAt)],
      ['because', alert.resolution],
      ['acknowledged by', alert.acknowledgedBy],
      ['told', instantText(alert.notifiedAt)],
      ['clock', alert.clockBad ? 'wrong: times are those of receipt' : 'good'],
    ]),
  );
  const rows = alert.history.map(({ at, what, value, by, note }) => [
    instantText(at),
    what,
    String(value ?? '-'),
    by,
    note,
  ]);
  terminal.data(`\n${tableOf(terminal, ['AT', 'WHAT', 'VALUE', 'BY', 'NOTE'], rows)}`);
};

const DEEDS = [
  { verb: 'ack', path: 'acknowledge', description: 'say that somebody looks after it: it is not told again' },
  { verb: 'note', path: 'notes', description: 'write something into its history' },
  { verb: 'resolve', path: 'resolve', description: 'end it by hand; what is wrong after it fires anew' },
] as const;

const addDeeds = (alert: Command, surroundings: Surroundings): void => {
  for (const { verb, path, description } of DEEDS) {
    alert
      .command(verb)
      .argument('<alert>', 'alert', alertId)
      .argument('[note]', 'a remark', '')
      .description(description)
      .action(async (id: string, note: string, _: object, command: Command) => {
        const context = contextOf(surroundings, command);
        const call = { path: `/api/alerts/${id}/${path}`, body: { note }, answer: alertSchema };
        const after = await context.api.call({ ...call, method: 'POST' });
        if (context.json) context.terminal.json(after);
        else context.terminal.talk(`Alert ${id} (${after.rule} for ${after.key}) is ${stateText(after)}.`);
      });
  }
};

export const addAlert = (program: Command, surroundings: Surroundings): void => {
  const alert = program.command('alert').description('what is wrong, rules that say so, and who is told');
  alert
    .command('ls')
    .addOption(new Option('--state <state>', 'open: pending or firing').choices([...ALERT_STATES, 'open']))
    .addOption(new Option('--severity <severity>', 'of one severity').choices(severitySchema.options))
    .option('--rule <rule>', 'of one rule')
    .option('--key <key>', 'of one device, or one key of a window')
    .option('--since <span>', 'that began within this, for example 2h', spanMs)
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('alerts, newest first')
    .action((options: Record<string, string | number>, command: Command) =>
      list(contextOf(surroundings, command), options),
    );
  alert
    .command('show')
    .argument('<alert>', 'alert', alertId)
    .description('one alert with its history')
    .action(async (id: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      show(context, await context.api.call({ path: `/api/alerts/${id}`, answer: alertDetailSchema }));
    });
  addDeeds(alert, surroundings);
  addAlertRules(alert, surroundings);
  addSilences(alert, surroundings);
};
