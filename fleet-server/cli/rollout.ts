/** `shoal rollout create | plan | ls | show | devices | watch`, and what people do with one. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  ROLLOUT_DEVICE_STATES,
  ROLLOUT_STATES,
  rolloutDevicePageSchema,
  rolloutEventPageSchema,
  rolloutIdSchema,
  rolloutPageSchema,
  rolloutPlanSchema,
  rolloutSchema,
  type Rollout,
} from '@shoal/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { whole } from './moments.ts';
import { addDefinitionOptions, definitionOf, type DefinitionOptions } from './rollout-definition.ts';
import {
  headLine,
  showDevices,
  showPlan,
  showRollout,
  showRollouts,
  showTimeline,
  stageLines,
} from './rollout-view.ts';

const LOOK_MS = 1_000;

const rolloutId = (text: string): string => {
  if (rolloutIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A rollout is "r-" and 16 hex digits.');
};

/** Nothing moves any more unless somebody acts. */
const isAtRest = ({ state }: Rollout): boolean => !['scheduled', 'running', 'rolling-back'].includes(state);

const read = ({ api }: CommandContext, id: string): Promise<Rollout> =>
  api.call({ path: `/api/rollouts/${id}`, answer: rolloutSchema });

/** Shows it until it rests, or the person wants out; elsewhere than on a terminal a line for every change. */
const watch = async (context: CommandContext, id: string): Promise<void> => {
  const { terminal, signal, json } = context;
  let before = '';
  let rollout = await read(context, id);
  for (;;) {
    const text = `${headLine(rollout)}\n${stageLines(terminal, rollout)}`;
    if (json) terminal.jsonLine(rollout);
    else if (text !== before) {
      terminal.clear();
      terminal.data(text);
    }
    before = text;
    if (isAtRest(rollout) || signal.aborted) break;
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
    rollout = await read(context, id);
  }
  if (['paused', 'rolled-back', 'aborted'].includes(rollout.state)) {
    throw cliError(
      'ROLLOUT_STOPPED',
      `Rollout ${id} is ${rollout.state}: ${rollout.cause?.message ?? 'no cause is known'}`,
    );
  }
};

const addReads = (rollout: Command, surroundings: Surroundings): void => {
  rollout
    .command('ls')
    .addOption(new Option('--state <state>', 'in one state').choices([...ROLLOUT_STATES]))
    .option('--model <model>', 'of one model')
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('rollouts, newest first')
    .action(async ({ state, model, limit }: { state?: string; model?: string; limit: number }, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { path: '/api/rollouts', query: { state, model }, answer: rolloutPageSchema };
      const { items, more } = await context.api.list(call, limit);
      showRollouts(context, items);
      if (more) context.terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
    });
  rollout
    .command('show')
    .argument('<rollout>', 'rollout', rolloutId)
    .option('--timeline', 'with everything that happened')
    .description('one rollout with its stages')
    .action(async (id: string, { timeline = false }: { timeline?: boolean }, command: Command) => {
      const context = contextOf(surroundings, command);
      showRollout(context, await read(context, id));
      if (!timeline || context.json) return;
      const call = { path: `/api/rollouts/${id}/timeline`, answer: rolloutEventPageSchema };
      showTimeline(context, (await context.api.list(call, 100_000)).items);
    });
  rollout
    .command('devices')
    .argument('<rollout>', 'rollout', rolloutId)
    .addOption(new Option('--state <state>', 'in one state').choices([...ROLLOUT_DEVICE_STATES]))
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 1_000)
    .description('its devices: where each stands, and why')
    .action(async (id: string, { state, limit }: { state?: string; limit: number }, command: Command) => {
      const context = contextOf(surroundings, command);
      const call = { path: `/api/rollouts/${id}/devices`, query: { state }, answer: rolloutDevicePageSchema };
      const { items, more } = await context.api.list(call, limit);
      showDevices(context, items);
      if (more) context.terminal.talk(`Only ${items.length} are shown; --limit shows more.`);
    });
  rollout
    .command('watch')
    .argument('<rollout>', 'rollout', rolloutId)
    .description('follow it until it is through or stops; exits 4 when it stopped')
    .action((id: string, _: object, command: Command) => watch(contextOf(surroundings, command), id));
};

const addMaking = (rollout: Command, surroundings: Surroundings): void => {
  addDefinitionOptions(rollout.command('plan'))
    .description('say what a rollout would do; nothing is saved')
    .action(async (release: string | undefined, options: DefinitionOptions, command: Command) => {
      const context = contextOf(surroundings, command);
      const body = await definitionOf(context, release, options);
      const call = { path: '/api/rollouts/plan', body, answer: rolloutPlanSchema };
      showPlan(context, await context.api.call({ ...call, method: 'POST' }));
    });
  addDefinitionOptions(rollout.command('create'))
    .option('--draft', 'do not start it')
    .description('bring a release to devices, stage by stage')
    .action(async (release: string | undefined, options: DefinitionOptions & { draft?: boolean }, command: Command) => {
      const context = contextOf(surroundings, command);
      const body = { ...(await definitionOf(context, release, options)), start: options.draft !== true };
      const made = await context.api.call({ method: 'POST', path: '/api/rollouts', body, answer: rolloutSchema });
      if (context.json) context.terminal.json(made);
      else context.terminal.data(headLine(made));
    });
};

const DEEDS = [
  { verb: 'start', description: 'start a draft' },
  { verb: 'approve', description: 'approve a rollout that somebody else made' },
  { verb: 'pause', description: 'assign to no further device; those assigned go on' },
  { verb: 'halt', description: 'pause, and take back what no device has activated' },
  { verb: 'resume', description: 'go on: what stopped it was seen, and counts no more' },
  { verb: 'abort', description: 'end it; devices keep what they have activated' },
] as const;

const addDeeds = (rollout: Command, surroundings: Surroundings): void => {
  const act = async (command: Command, id: string, verb: string, body: object): Promise<void> => {
    const context = contextOf(surroundings, command);
    const call = { path: `/api/rollouts/${id}/${verb}`, body, answer: rolloutSchema };
    const after = await context.api.call({ ...call, method: 'POST' });
    if (context.json) context.terminal.json(after);
    else context.terminal.talk(headLine(after));
  };
  for (const { verb, description } of DEEDS) {
    rollout
      .command(verb)
      .argument('<rollout>', 'rollout', rolloutId)
      .argument('[note]', 'a remark', '')
      .description(description)
      .action((id: string, note: string, _: object, command: Command) => act(command, id, verb, { note }));
  }
  rollout
    .command('rollback')
    .argument('<rollout>', 'rollout', rolloutId)
    .argument('[note]', 'a remark', '')
    .option('--stage', 'only the stage that runs')
    .description('bring devices back to what they ran before')
    .action((id: string, note: string, { stage = false }: { stage?: boolean }, command: Command) =>
      act(command, id, 'rollback', { note, scope: stage ? 'stage' : 'all' }),
    );
};

export const addRollout = (program: Command, surroundings: Surroundings): void => {
  const rollout = program.command('rollout').description('releases of models to devices, stage by stage');
  addMaking(rollout, surroundings);
  addReads(rollout, surroundings);
  addDeeds(rollout, surroundings);
};
