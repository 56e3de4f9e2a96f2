/** `shoal system images | upload | rm | targets | target | token | forget | assign | cancel | actions | action`: updates of operating systems. */
import { randomBytes } from 'node:crypto';
import {
  SYSTEM_ACTION_STATES,
  systemActionDetailSchema,
  systemActionIdSchema,
  systemActionPageSchema,
  systemActionSchema,
  systemImageIdSchema,
  systemTargetIdSchema,
  systemTargetPageSchema,
  systemTargetSchema,
  type SystemAction,
  type SystemActionDetail,
  type SystemTarget,
} from '@shoal/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { CliError, cliError } from './errors.ts';
import type { FleetApi } from './fleet-api.ts';
import { ageText, instantText, whole } from './moments.ts';
import { addSystemImages } from './system-image.ts';
import { factsOf, tableOf } from './table.ts';

const TOKEN_BYTES = 24;

const targetId = (text: string): string => {
  if (systemTargetIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A target id is 1-128 characters of A-Z, a-z, 0-9 and "._-".');
};
const imageId = (text: string): string => {
  if (systemImageIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('An image is name@version.');
};
const actionId = (text: string): number => {
  const parsed = systemActionIdSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('An action is a whole number from 1 on.');
};

const targets = async (context: CommandContext, options: Record<string, string | number>): Promise<void> => {
  const { api, terminal, json, now } = context;
  const { state, installed, limit } = options;
  const call = { path: '/api/system/targets', query: { state, installed }, answer: systemTargetPageSchema };
  const { items, more } = await api.list(call, Number(limit));
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No target matches.');
  const rows = items.map((item) => [
    item.targetId,
    ageText(item.lastPolledAt, now()),
    item.installed,
    item.action?.image,
    item.action?.state,
  ]);
  terminal.data(tableOf(terminal, ['TARGET', 'POLLED', 'INSTALLED', 'ASSIGNED', 'STATE'], rows));
  if (more) terminal.talk(`Only the first ${items.length} are shown; --limit shows more.`);
};

const showTarget = ({ terminal, json }: CommandContext, target: SystemTarget): void => {
  if (json) return terminal.json(target);
  terminal.data(
    factsOf(terminal, [
      ['target', target.targetId],
      ['registered', instantText(target.registeredAt)],
      ['last poll', instantText(target.lastPolledAt)],
      ['address', target.address],
      ['installed', target.installed],
      ['newest action', target.action === null ? null : `${target.action.actionId}: ${target.action.image}`],
      ['state', target.action?.state],
      ['own token', target.hasToken ? 'yes' : 'no'],
      ...Object.entries(target.attributes).map(([name, value]) => [`attribute ${name}`, value] as const),
    ]),
  );
};

const actions = async (context: CommandContext, options: Record<string, string | number>): Promise<void> => {
  const { api, terminal, json, now } = context;
  const { target, image, state, limit } = options;
  const query = { targetId: target, image, state };
  const call = { path: '/api/system/actions', query, answer: systemActionPageSchema };
  const { items, more } = await api.list(call, Number(limit));
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No action matches.');
  const rows = items.map((item) => [
    item.actionId,
    item.targetId,
    item.image,
    item.state,
    ageText(item.createdAt, now()),
    ageText(item.heardAt, now()),
  ]);
  terminal.data(tableOf(terminal, ['ACTION', 'TARGET', 'IMAGE', 'STATE', 'AGE', 'HEARD'], rows));
  if (more) terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
};

const showAction = ({ terminal, json }: CommandContext, action: SystemActionDetail): void => {
  if (json) return terminal.json(action);
  const { progress } = action;
  terminal.data(
    factsOf(terminal, [
      ['action', action.actionId],
      ['target', action.targetId],
      ['image', action.image],
      ['state', action.state],
      ['progress', progress === null ? null : `${progress.done} of ${progress.of}`],
      ['assigned', `${instantText(action.createdAt) ?? ''} by ${action.createdBy}`],
      ['heard', instantText(action.heardAt)],
      ['finished', instantText(action.finishedAt)],
    ]),
  );
  const rows = action.history.map(({ at, what, messages }) => [instantText(at), what, messages.join(' | ')]);
  terminal.data(`\n${tableOf(terminal, ['AT', 'WHAT', 'MESSAGES'], rows)}`);
};

const changed = ({ terminal, json }: CommandContext, action: SystemAction): void => {
  if (json) terminal.json(action);
  else terminal.talk(`Action ${action.actionId}, ${action.image} for ${action.targetId}, is ${action.state}.`);
};

/** One that is not known yet is registered with it. */
const giveToken = async (api: FleetApi, id: string, token: string): Promise<void> => {
  const path = '/api/system/targets';
  try {
    await api.call({ method: 'PUT', path: `${path}/${id}/token`, body: { token }, answer: systemTargetSchema });
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'SYSTEM_TARGET_NOT_FOUND') throw error;
    await api.call({ method: 'POST', path, body: { targetId: id, token }, answer: systemTargetSchema });
  }
};

const addTargets = (system: Command, surroundings: Surroundings): void => {
  system
    .command('targets')
    .addOption(new Option('--state <state>', 'by the newest action').choices([...SYSTEM_ACTION_STATES]))
    .option('--installed <image>', 'by what they have installed', imageId)
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('the clients that poll')
    .action((options: Record<string, string | number>, command: Command) =>
      targets(contextOf(surroundings, command), options),
    );
  system
    .command('target')
    .argument('<target>', 'target', targetId)
    .description('one target with what it says of itself')
    .action(async (id: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { path: `/api/system/targets/${id}`, answer: systemTargetSchema };
      showTarget(context, await context.api.call(call));
    });
  system
    .command('token')
    .argument('<target>', 'target', targetId)
    .description('make a token of its own for a target and print it; it is shown this once')
    .action(async (id: string, _: object, command: Command) => {
      const { api, terminal, json } = contextOf(surroundings, command);
      const token = randomBytes(TOKEN_BYTES).toString('base64url');
      await giveToken(api, id, token);
      if (json) terminal.json({ targetId: id, token });
      else terminal.data(token);
    });
  system
    .command('forget')
    .argument('<target>', 'target', targetId)
    .option('--yes', 'its token and its actions go with it')
    .description('forget a target')
    .action(async (id: string, { yes = false }: { yes?: boolean }, command: Command) => {
      if (!yes) throw cliError('CONFIRMATION_MISSING', `${id} goes with its token and its actions; say --yes.`);
      const { api, terminal } = contextOf(surroundings, command);
      await api.call({ method: 'DELETE', path: `/api/system/targets/${id}`, answer: z.undefined() });
      terminal.talk(`${id} is forgotten.`);
    });
};

const addActions = (system: Command, surroundings: Surroundings): void => {
  system
    .command('assign')
    .argument('<target>', 'target', targetId)
    .argument('<image>', 'name@version', imageId)
    .description('assign an image to a target, in the place of what was assigned before')
    .action(async (id: string, image: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const body = { targetId: id, image };
      const call = { method: 'POST' as const, path: '/api/system/actions', body, answer: systemActionSchema };
      changed(context, await context.api.call(call));
    });
  system
    .command('cancel')
    .argument('<action>', 'action', actionId)
    .option('--force', 'without asking the target, which may install it all the same')
    .option('--note <text>', 'why, for the audit trail', '')
    .description('cancel an action')
    .action(async (id: number, options: { force?: boolean; note: string }, command: Command) => {
      const context = contextOf(surroundings, command);
      const body = { force: options.force ?? false, note: options.note };
      const path = `/api/system/actions/${id}/cancel`;
      changed(context, await context.api.call({ method: 'POST', path, body, answer: systemActionSchema }));
    });
  system
    .command('actions')
    .option('--target <target>', 'of one target', targetId)
    .option('--image <image>', 'of one image', imageId)
    .addOption(new Option('--state <state>', 'of one state').choices([...SYSTEM_ACTION_STATES]))
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('actions, the newest first')
    .action((options: Record<string, string | number>, command: Command) =>
      actions(contextOf(surroundings, command), options),
    );
  system
    .command('action')
    .argument('<action>', 'action', actionId)
    .description('one action with what the target reported')
    .action(async (id: number, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { path: `/api/system/actions/${id}`, answer: systemActionDetailSchema };
      showAction(context, await context.api.call(call));
    });
};

export const addSystem = (program: Command, surroundings: Surroundings): void => {
  const system = program.command('system').description('updates of operating systems, for SWUpdate and its like');
  addSystemImages(system, surroundings);
  addTargets(system, surroundings);
  addActions(system, surroundings);
};
