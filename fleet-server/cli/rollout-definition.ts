/** A rollout from the command line: a file, or a model with its version and how far each stage goes. */
import { rolloutDefinitionSchema, type RolloutDefinition } from '@shoal/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { readDefinition } from './definition-file.ts';
import { cliError } from './errors.ts';
import { spanMs } from './moments.ts';

export interface DefinitionOptions {
  readonly file?: string;
  readonly name?: string;
  readonly labels?: string;
  readonly stages?: readonly object[];
  readonly soak?: number;
  readonly maxFailures?: number;
  readonly onFailure?: string;
}

/** `2,10%,100%`: devices or a share of the cohort, each together with the stages before. */
const stagesOf = (text: string): object[] =>
  text.split(',').map((part) => {
    const [, amount, sign] = /^(\d{1,7}(?:\.\d+)?)(%?)$/.exec(part.trim()) ?? [];
    if (amount === undefined) throw new InvalidArgumentError('Give stages such as 2,10%,100%.');
    return sign === '%' ? { percent: Number(amount) } : { devices: Number(amount) };
  });

const count = (text: string): number => {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number.');
};

export const addDefinitionOptions = (command: Command): Command =>
  command
    .argument('[release]', 'model@version, unless a file says it')
    .option('--file <file>', 'a JSON file that holds the rollout, or - for standard input')
    .option('--name <name>', 'what it is called; by default the release')
    .option('--labels <filter>', 'which devices, as in device ls; by default all')
    .option('--stages <ends>', 'how far each stage goes, for example 2,10%,100%', stagesOf)
    .option('--soak <span>', 'how long a stage must hold before the next one opens, for example 10m', spanMs)
    .option('--max-failures <n>', 'failures of a stage that do not stop it', count)
    .addOption(
      new Option('--on-failure <what>', 'what a gate that fails does').choices([
        'pause',
        'rollback-stage',
        'rollback-all',
      ]),
    );

/** @throws CliError USAGE_INVALID */
export const definitionOf = async (
  context: CommandContext,
  release: string | undefined,
  options: DefinitionOptions,
): Promise<RolloutDefinition> => {
  if (options.file !== undefined) {
    return readDefinition(context, options.file, { schema: rolloutDefinitionSchema, what: 'rollout' });
  }
  const [, model, version] = /^([^@]+)@(.+)$/.exec(release ?? '') ?? [];
  if (model === undefined) throw cliError('USAGE_INVALID', 'Say which release, as model@version, or give --file.');
  const { name = `${model} ${version}`, labels, soak, maxFailures, onFailure } = options;
  const gate = {
    ...(soak !== undefined && { soakMs: soak }),
    ...(maxFailures !== undefined && { maxFailures }),
    ...(onFailure !== undefined && { onFailure }),
  };
  const stages = (options.stages ?? [{ percent: 100 }]).map((to) => ({ to, gate }));
  const parsed = rolloutDefinitionSchema.safeParse({
    name,
    model,
    version,
    cohort: labels === undefined ? {} : { labels },
    stages,
  });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw cliError('USAGE_INVALID', `This is no rollout: ${faults.join('; ')}.`);
};
