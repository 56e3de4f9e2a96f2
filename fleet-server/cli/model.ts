/** `shoal model ls | show | where | diff | verify | pack | push | alias | rm | backtest | backtests`: what is released to the fleet. */
import {
  MODEL_ALIASES,
  modelAliasSchema,
  modelDeploymentPageSchema,
  modelDiffSchema,
  modelNameSchema,
  modelPageSchema,
  modelReleaseDocumentSchema,
  modelReleasePageSchema,
  modelVersionNameSchema,
  type ModelReleaseDocument,
} from '@shoal/protocol';
import { Argument, InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { addBacktests } from './backtest.ts';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { ageText, instantText } from './moments.ts';
import { pack, push, verifyFolder } from './model-bundle.ts';
import { factsOf, tableOf } from './table.ts';

const LIMIT = 100_000;
const SHORT = 12;

const modelName = (text: string): string => {
  if (modelNameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A model name is 1-63 characters of a-z, 0-9 and "-".');
};
const versionName = (text: string): string => {
  if (modelVersionNameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A version is for example 1.2.0.');
};

interface Named {
  readonly name: string;
  readonly version: string;
}
/** `name@version`. */
const releaseName = (text: string): Named => {
  const [name = '', version = ''] = text.split('@');
  return { name: modelName(name), version: versionName(version) };
};

interface VersionSpan {
  readonly from: string;
  readonly to: string;
}
/** `from..to`; versions hold no two dots in a row. */
const versionSpan = (text: string): VersionSpan => {
  const [from = '', to = ''] = text.split('..');
  return { from: versionName(from), to: versionName(to) };
};

const list = async ({ api, terminal, json, now }: CommandContext): Promise<void> => {
  const { items } = await api.list({ path: '/api/models', answer: modelPageSchema }, LIMIT);
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No model is released.');
  const rows = items.map(({ name, newest, versions, aliases, devices, updatedAt }) => [
    name,
    newest,
    versions,
    aliases.map(({ alias, version }) => `${alias}=${version}`).join(' '),
    devices,
    ageText(updatedAt, now()),
  ]);
  terminal.data(tableOf(terminal, ['MODEL', 'NEWEST', 'VERSIONS', 'ALIASES', 'DEVICES', 'RELEASED'], rows));
};

const versions = async ({ api, terminal, json }: CommandContext, name: string): Promise<void> => {
  const { items } = await api.list({ path: `/api/models/${name}/versions`, answer: modelReleasePageSchema }, LIMIT);
  if (json) return terminal.json(items);
  const rows = items.map((release) => [
    release.version,
    release.releaseCounter,
    release.aliases.join(' '),
    release.devices,
    release.digest.slice(0, SHORT),
    release.lengthBytes,
    release.source,
    instantText(release.createdAt),
  ]);
  const heads = ['VERSION', 'COUNTER', 'ALIASES', 'DEVICES', 'DIGEST', 'BYTES', 'FROM', 'RELEASED'];
  terminal.data(tableOf(terminal, heads, rows));
};

const showRelease = ({ terminal, json }: CommandContext, release: ModelReleaseDocument): void => {
  if (json) return terminal.json(release);
  terminal.data(
    factsOf(terminal, [
      ['model', `${release.name}@${release.version}`],
      ['release counter', release.releaseCounter],
      ['digest', release.digest],
      ['archive', release.sha256],
      ['bytes', release.lengthBytes],
      ['platform', release.platform],
      ['signed by', release.signedBy],
      ['aliases', release.aliases.join(' ') || null],
      ['devices', release.devices],
      ['released', `${instantText(release.createdAt) ?? ''} by ${release.createdBy}`],
    ]),
  );
  if (release.measured.length > 0) {
    const rows = release.measured.map((group) => [
      group.hardwareClass,
      group.engine,
      group.devices,
      group.p50Ms,
      group.p95Ms,
      group.rssMb,
    ]);
    terminal.data(`\n${tableOf(terminal, ['HARDWARE', 'ENGINE', 'DEVICES', 'P50 MS', 'P95 MS', 'RSS MB'], rows)}`);
  }
  if (release.card !== null) terminal.data(`\n${release.card.trimEnd()}`);
};

const short = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};

const addReads = (model: Command, surroundings: Surroundings): void => {
  model
    .command('ls')
    .argument('[model]', 'its versions instead', modelName)
    .description('models, or the versions of one')
    .action((name: string | undefined, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      return name === undefined ? list(context) : versions(context, name);
    });
  model
    .command('show')
    .argument('<model@version>', 'release', releaseName)
    .description('one release with its card, and what devices measured of it')
    .action(async ({ name, version }: Named, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const path = `/api/models/${name}/versions/${version}`;
      showRelease(context, await context.api.call({ path, answer: modelReleaseDocumentSchema }));
    });
  model
    .command('where')
    .argument('<model>', 'model', modelName)
    .description('the devices that report to run it, by digest')
    .action(async (name: string, _: object, command: Command) => {
      const { api, terminal, json } = contextOf(surroundings, command);
      const path = `/api/models/${name}/deployments`;
      const { items } = await api.list({ path, answer: modelDeploymentPageSchema }, LIMIT);
      if (json) return terminal.json(items);
      if (items.length === 0) return terminal.talk('No device reports to run it.');
      const rows = items.map(({ deviceId, version, release, digest, hardwareClass, state }) => [
        deviceId,
        version,
        release,
        digest?.slice(0, SHORT),
        hardwareClass,
        state,
      ]);
      terminal.data(tableOf(terminal, ['DEVICE', 'SAYS', 'RUNS', 'DIGEST', 'HARDWARE', 'STATE'], rows));
    });
  model
    .command('diff')
    .argument('<model>', 'model', modelName)
    .argument('<from..to>', 'versions, for example 1.0.0..1.1.0', versionSpan)
    .description('what differs between two versions')
    .action(async (name: string, { from, to }: VersionSpan, _: object, command: Command) => {
      const { api, terminal, json } = contextOf(surroundings, command);
      const diff = await api.call({ path: `/api/models/${name}/diff`, query: { from, to }, answer: modelDiffSchema });
      if (json) return terminal.json(diff);
      const files = diff.files.filter(({ change }) => change !== 'same');
      const rows = [
        ...diff.manifest.map(({ path, before, after }) => [path, short(before), short(after)]),
        ...files.map(({ path, change, beforeBytes, afterBytes }) => [`${path} (${change})`, beforeBytes, afterBytes]),
      ];
      terminal.data(tableOf(terminal, ['WHAT', from, to], rows));
    });
};

const addBundles = (model: Command, surroundings: Surroundings): void => {
  model
    .command('verify')
    .argument('<folder>', 'folder of a bundle')
    .description('everything that is wrong with a bundle, without a server')
    .action(async (folder: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      await verifyFolder(context, folder);
      context.terminal.data(`${folder} has no fault.`);
    });
  model
    .command('pack')
    .argument('<folder>', 'folder of a bundle')
    .argument('<file>', 'archive to write')
    .description('make one file of a bundle; the same bytes for the same bundle')
    .action((folder: string, file: string, _: object, command: Command) =>
      pack(contextOf(surroundings, command), folder, file),
    );
  model
    .command('push')
    .argument('<path>', 'folder of a bundle, or its archive')
    .description('release a version; the same bundle again changes nothing')
    .action(async (path: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const release = await push(context, path);
      if (context.json) context.terminal.json(release);
      else
        context.terminal.talk(`${release.name}@${release.version} is released as ${release.sha256.slice(0, SHORT)}.`);
    });
};

const addChanges = (model: Command, surroundings: Surroundings): void => {
  model
    .command('alias')
    .argument('<model@version>', 'release', releaseName)
    .addArgument(new Argument('<alias>', 'which alias').choices([...MODEL_ALIASES]))
    .option('--if-revision <n>', 'only when the alias is at this revision; 0 when it points nowhere')
    .description('point an alias to a version')
    .action(async ({ name, version }: Named, alias: string, options: { ifRevision?: string }, command: Command) => {
      const context = contextOf(surroundings, command);
      const { ifRevision } = options;
      const moved = await context.api.call({
        method: 'PUT',
        path: `/api/models/${name}/aliases/${alias}`,
        body: { version },
        ...(ifRevision !== undefined && { headers: { 'if-match': `"${ifRevision}"` } }),
        answer: modelAliasSchema,
      });
      if (context.json) context.terminal.json(moved);
      else context.terminal.talk(`${alias} of ${name} is ${moved.version} at revision ${moved.revision}.`);
    });
  model
    .command('rm')
    .argument('<model@version>', 'release', releaseName)
    .option('--yes', 'devices can no longer fetch it')
    .description('remove a release that no device runs, no alias names and nothing assigns')
    .action(async ({ name, version }: Named, { yes = false }: { yes?: boolean }, command: Command) => {
      if (!yes) throw cliError('CONFIRMATION_MISSING', `${name}@${version} goes for every device; say --yes.`);
      const context = contextOf(surroundings, command);
      await context.api.call({
        method: 'DELETE',
        path: `/api/models/${name}/versions/${version}`,
        answer: z.undefined(),
      });
      context.terminal.talk(`${name}@${version} is removed.`);
    });
};

export const addModel = (program: Command, surroundings: Surroundings): void => {
  const model = program.command('model').description('released models: versions, aliases, who runs what');
  addReads(model, surroundings);
  addBundles(model, surroundings);
  addChanges(model, surroundings);
  addBacktests(model, surroundings);
};
