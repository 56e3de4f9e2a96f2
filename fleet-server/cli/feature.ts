/** `shoal feature ls | show | define | get | put | history | audit`: what is known of entities, for models. */
import {
  entityFeaturesSchema,
  entityViewSchema,
  featureHistoryPageSchema,
  featureViewDocumentSchema,
  featureViewPageSchema,
  featureWindowSourcePageSchema,
  skewAuditPageSchema,
  type EntityFeatures,
  type EntityView,
  type FeatureValue,
  type FeatureViewDocument,
  type FeatureWindowSource,
} from '@shoal/protocol';
import type { Command } from 'commander';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { jsonOf, putDefinition, readDefinition } from './definition-file.ts';
import { cliError } from './errors.ts';
import { addFeatureImport } from './feature-import.ts';
import { entityId, instant, viewName } from './feature-names.ts';
import { ageText, instantText, whole } from './moments.ts';
import { factsOf, tableOf } from './table.ts';

interface LimitOption {
  readonly limit: number;
}

const list = async ({ api, terminal, json, now }: CommandContext): Promise<void> => {
  const { items } = await api.list({ path: '/api/feature-views', answer: featureViewPageSchema }, 100_000);
  if (json) terminal.json(items);
  else if (items.length === 0) terminal.talk('No view is defined.');
  else {
    const rows = items.map(({ name, view, hash, revision, updatedAt }) => [
      name,
      view.entity,
      view.features.length,
      revision,
      ageText(updatedAt, now()),
      hash.slice(0, 12),
      view.description,
    ]);
    terminal.data(tableOf(terminal, ['VIEW', 'ENTITY', 'FEATURES', 'REVISION', 'CHANGED', 'HASH', 'ABOUT'], rows));
  }
};

const sourceText = ({ source }: EntityView['features'][number]): string => {
  if (source.kind === 'pushed') return 'pushed';
  if (source.kind === 'windows') {
    const { stream, aggregate, part } = source;
    return `${part === undefined ? '' : `${part} of `}${aggregate} of windows of ${stream}`;
  }
  const of = source.kind === 'readings' ? source.channel : `${source.model ?? 'any model'} ${source.output}`;
  return `${source.aggregate} of ${source.kind} ${of} over ${source.windowMs / 1_000} s`;
};

const showView = ({ terminal, json }: CommandContext, document: FeatureViewDocument): void => {
  if (json) return terminal.json(document);
  const { name, view, hash, revision, updatedAt } = document;
  terminal.data(
    factsOf(terminal, [
      ['view', name],
      ['entity', view.entity],
      ['hash', hash],
      ['revision', revision],
      ['changed', instantText(updatedAt)],
    ]),
  );
  const rows = view.features.map((feature) => [
    feature.name,
    feature.datatype,
    sourceText(feature),
    (feature.maxAgeMs ?? view.maxAgeMs) / 1_000,
    feature.missing,
  ]);
  terminal.data(`\n${tableOf(terminal, ['FEATURE', 'TYPE', 'SOURCE', 'MAX AGE (S)', 'MISSING'], rows)}`);
};

/** Whether features of windows are fed, and how far they are. */
const showWindows = ({ terminal }: CommandContext, sources: readonly FeatureWindowSource[]): void => {
  if (sources.length === 0) return;
  const rows = sources.map(({ feature, stream, state, behind, detail }) => [feature, stream, state, behind, detail]);
  const paint = (column: string, text: string): string =>
    column === 'STATE' ? terminal.paint(text === 'following' ? 'green' : 'yellow', text) : text;
  terminal.data(`\n${tableOf(terminal, ['FEATURE', 'STREAM', 'STATE', 'BEHIND', 'WHY'], rows, { paint })}`);
};

const showEntity = ({ terminal, json }: CommandContext, entity: EntityFeatures): void => {
  if (json) return terminal.json(entity);
  const rows = entity.features.map(({ name, value, status, eventAt, used }) => [
    name,
    value === null ? null : String(value),
    status,
    ageText(eventAt, entity.asOf),
    used === null ? null : String(used),
  ]);
  const paint = (column: string, text: string): string =>
    column === 'STATUS' ? terminal.paint(text === 'PRESENT' ? 'green' : 'yellow', text) : text;
  terminal.data(tableOf(terminal, ['FEATURE', 'VALUE', 'STATUS', 'AGE', 'USED'], rows, { paint }));
  if (entity.failed.length > 0) terminal.talk(`There is no vector: ${entity.failed.join(', ')} must be present.`);
};

const define = async (context: CommandContext, file: string): Promise<void> => {
  const view = await readDefinition(context, file, { schema: entityViewSchema, what: 'view' });
  const where = {
    collection: '/api/feature-views',
    missing: 'FEATURE_VIEW_NOT_FOUND',
    answer: featureViewDocumentSchema,
  };
  showView(context, await putDefinition(context, view, where));
};

/** `name=value`: JSON where it is JSON, else text. */
const assigned = (word: string): [string, FeatureValue | null] => {
  const [, name, text = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
  if (name === undefined) throw cliError('USAGE_INVALID', `"${word}" is not feature=value, for example orders=3.`);
  const value = jsonOf(text);
  const isValue =
    value === null || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string';
  return [name, isValue ? value : text];
};

const addReads = (feature: Command, surroundings: Surroundings): void => {
  feature
    .command('get')
    .argument('<view>', 'view', viewName)
    .argument('<entity>', 'entity', entityId)
    .option('--as-of <instant>', 'only what had happened and was known by then', instant)
    .description('the features of one entity, now or as of an instant')
    .action(async (view: string, entity: string, { asOf }: { asOf?: number }, command: Command) => {
      const context = contextOf(surroundings, command);
      const path = `/api/features/${view}/${entity}`;
      showEntity(context, await context.api.call({ path, query: { asOf }, answer: entityFeaturesSchema }));
    });
  feature
    .command('history')
    .argument('<view>', 'view', viewName)
    .argument('<entity>', 'entity', entityId)
    .option('--feature <name>', 'of one feature')
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('everything that was ever known of one entity, with both times')
    .action(async (view: string, entity: string, options: LimitOption & { feature?: string }, command: Command) => {
      const { api, terminal, json } = contextOf(surroundings, command);
      const path = `/api/features/${view}/${entity}/history`;
      const query = { feature: options.feature };
      const { items, more } = await api.list({ path, query, answer: featureHistoryPageSchema }, options.limit);
      if (json) terminal.json(items);
      else if (items.length === 0) terminal.talk('Nothing is known.');
      else {
        const rows = items.map((row) => [
          row.feature,
          instantText(row.eventAt),
          instantText(row.createdAt),
          row.value === null ? null : String(row.value),
          row.count,
        ]);
        terminal.data(tableOf(terminal, ['FEATURE', 'TRUE AT', 'KNOWN AT', 'VALUE', 'RECORDS'], rows));
      }
      if (more) terminal.talk(`Only the first ${items.length} are shown; --limit shows more.`);
    });
  feature
    .command('audit')
    .option('--view <view>', 'of one view', viewName)
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('served vectors derived again from the history, newest first')
    .action(async ({ limit, view }: LimitOption & { view?: string }, command: Command) => {
      const { api, terminal, json } = contextOf(surroundings, command);
      const { items } = await api.list(
        { path: '/api/feature-audits', query: { view }, answer: skewAuditPageSchema },
        limit,
      );
      if (json) return terminal.json(items);
      if (items.length === 0) return terminal.talk('No served vector was audited yet.');
      const rows = items.map((each) => [
        instantText(each.servedAt),
        each.view,
        each.entity,
        each.result,
        each.differing.join(', ') || null,
      ]);
      terminal.data(tableOf(terminal, ['SERVED', 'VIEW', 'ENTITY', 'RESULT', 'DIFFERING'], rows));
    });
};

/** The noun `feature`. */
export const addFeature = (program: Command, surroundings: Surroundings): void => {
  const feature = program.command('feature').description('what is known of entities, for models');
  feature
    .command('ls')
    .description('list the views')
    .action((_: object, command: Command) => list(contextOf(surroundings, command)));
  feature
    .command('show')
    .argument('<view>', 'view', viewName)
    .description('show one view: features, sources, ages, policies')
    .action(async (view: string, _: object, command: Command) => {
      const context = contextOf(surroundings, command);
      const path = `/api/feature-views/${view}`;
      showView(context, await context.api.call({ path, answer: featureViewDocumentSchema }));
      if (context.json) return;
      const { items } = await context.api.list({ path: `${path}/windows`, answer: featureWindowSourcePageSchema }, 256);
      showWindows(context, items);
    });
  feature
    .command('define')
    .argument('<file>', 'a JSON file that holds one view, or - for standard input')
    .description('define a view, or replace it')
    .action((file: string, _: object, command: Command) => define(contextOf(surroundings, command), file));
  const put = feature
    .command('put')
    .argument('<view>', 'view', viewName)
    .argument('<entity>', 'entity', entityId)
    .argument('<values...>', 'feature=value; null says that there is none')
    .option('--at <instant>', 'when this was true; now when absent', instant)
    .description('tell values of one entity')
    .action(async (view: string, entity: string, words: string[], { at }: { at?: number }) => {
      const context = contextOf(surroundings, put);
      const body = { values: Object.fromEntries(words.map(assigned)), ...(at !== undefined && { eventAt: at }) };
      const path = `/api/features/${view}/${entity}`;
      showEntity(context, await context.api.call({ method: 'PUT', path, body, answer: entityFeaturesSchema }));
    });
  addReads(feature, surroundings);
  addFeatureImport(feature, surroundings);
};
