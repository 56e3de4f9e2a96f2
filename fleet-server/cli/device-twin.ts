/** `shoal device twin get | set`: what is desired of a device, and what it reports. */
import { jsonObjectSchema, twinSchema, type Json, type JsonObject, type Twin } from '@shoal/protocol';
import type { Command } from 'commander';
import { checkedDeviceId, contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { instantText, whole } from './moments.ts';
import { factsOf } from './table.ts';

const print = ({ terminal, json }: CommandContext, twin: Twin): void => {
  if (json) {
    terminal.json(twin);
    return;
  }
  const inStep = Object.keys(twin.delta).length === 0;
  terminal.data(
    factsOf(terminal, [
      ['version', `${twin.version}, applied ${twin.appliedVersion}`],
      ['reported', instantText(twin.reportedAt) ?? 'never'],
      ['in step', inStep ? 'yes' : 'no: the delta below is desired and not reported'],
    ]),
  );
  const sections = { desired: twin.desired, reported: twin.reported, ...(!inStep && { delta: twin.delta }) };
  terminal.data(JSON.stringify(sections, null, 2));
};

const parsed = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

/** `a.b=1` → `{"a":{"b":1}}`; what is no JSON is text, `null` deletes. Keys with dots are written with --patch. */
const nested = (word: string): JsonObject => {
  const [, path = '', value = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
  const keys = path.split('.');
  if (keys.includes(''))
    throw cliError('USAGE_INVALID', `"${word}" is not path=value, for example publish.maxDelayMs=500.`);
  const content = parsed(value);
  return keys.reduceRight<Json>(
    (inner, key) => ({ [key]: inner }),
    content === undefined ? value : content,
  ) as JsonObject;
};

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Joins patches; a later one wins. Nulls are kept: they are what deletes. */
const joined = (patches: readonly JsonObject[]): JsonObject => {
  const result: Record<string, Json> = {};
  for (const [key, value] of patches.flatMap((patch) => Object.entries(patch))) {
    const before = result[key];
    result[key] = isObject(value) && isObject(before) ? joined([before, value]) : value;
  }
  return result;
};

interface SetOptions {
  readonly patch?: string;
  readonly ifVersion?: number;
}

const patchOf = async (context: CommandContext, words: readonly string[], text?: string): Promise<JsonObject> => {
  const given = text === '-' ? await context.readInput() : text;
  const whole = given === undefined ? {} : jsonObjectSchema.safeParse(parsed(given)).data;
  if (!whole) throw cliError('USAGE_INVALID', '--patch must be a JSON object, or - to read one from standard input.');
  const patch = joined([whole, ...words.map(nested)]);
  if (Object.keys(patch).length === 0) throw cliError('USAGE_INVALID', 'Nothing to set: give path=value or --patch.');
  return patch;
};

const set = async (
  context: CommandContext,
  id: string,
  words: readonly string[],
  options: SetOptions,
): Promise<void> => {
  const desired = await patchOf(context, words, options.patch);
  const twin = await context.api.call({
    method: 'PATCH',
    path: `/api/devices/${id}/twin`,
    body: { desired, ...(options.ifVersion !== undefined && { version: options.ifVersion }) },
    answer: twinSchema,
  });
  print(context, twin);
};

/** `twin` below `device`. */
export const addDeviceTwin = (device: Command, surroundings: Surroundings): void => {
  const twin = device.command('twin').description('desired and reported state');
  twin
    .command('get')
    .argument('<device>', 'device id', checkedDeviceId)
    .description('show desired, reported, and what of the desired is not reported yet')
    .action(async (id: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      print(context, await context.api.call({ path: `/api/devices/${id}/twin`, answer: twinSchema }));
    });
  twin
    .command('set')
    .argument('<device>', 'device id', checkedDeviceId)
    .argument('[values...]', 'path=value, for example models.pump-anomaly.thresholds.score=1.4; null deletes')
    .option('--patch <json>', 'a JSON object to merge (RFC 7396); - reads standard input')
    .option(
      '--if-version <n>',
      'only when the desired state is still at this version',
      whole(0, Number.MAX_SAFE_INTEGER),
    )
    .description('merge into the desired state')
    .action((id: string, words: string[], options: SetOptions, command: Command) =>
      set(contextOf(surroundings, command), id, words, options),
    );
};
