/** How published windows of a stream become values of a feature: what a key names, what fits, and the number in it. */
import type { WindowResult } from '@shoal/protocol';
import type { StreamDefinition, StreamKey, WindowSource } from '@shoal/protocol/wire';
import { OTHER } from '../streams/label-counts.ts';
import { shareName } from '../streams/share-name.ts';

/** Labels are named more freely than entities: `Cost_Centre` is about a `cost-centre`. */
const asEntity = (label: string): string => label.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

/** The type of thing that keys of the stream name; undefined: a key is no thing. */
export const entityOfKey = (key: StreamKey): string | undefined => {
  if (key.by === 'prediction-label') return undefined;
  return key.by === 'label' ? asEntity(key.label) : key.by;
};

export interface WindowSourceFault {
  readonly what: 'stream' | 'aggregate' | 'entity';
  /** A sentence without its full stop, with the remedy. */
  readonly sentence: string;
}

/** Why a feature of a view over `entity` cannot take its value from the stream as it is defined; undefined when it can. */
export const windowSourceFault = (
  entity: string,
  source: WindowSource,
  definition: StreamDefinition | undefined,
): WindowSourceFault | undefined => {
  const { stream } = source;
  if (definition === undefined) return { what: 'stream', sentence: `There is no stream ${stream}; define it first` };
  const unfit = aggregateFault(source, definition);
  if (unfit !== undefined) return { what: 'aggregate', sentence: unfit };
  const named = entityOfKey(definition.key);
  if (named === entity) return undefined;
  const what = `The key of stream ${stream} is ${definition.key.by === 'label' ? `the label ${definition.key.label}` : `the ${definition.key.by}`}`;
  const remedy = named === undefined ? 'which is no thing that has features' : `so the entity must be ${named}`;
  return { what: 'entity', sentence: `${what}, ${remedy}, and the view is about ${entity}` };
};

const aggregateFault = (
  { stream, aggregate: name, part }: WindowSource,
  { aggregates }: StreamDefinition,
): string | undefined => {
  const found = aggregates.find((candidate) => candidate.name === name);
  if (found === undefined) {
    return `Stream ${stream} has no aggregate ${name}; it has ${aggregates.map((each) => each.name).join(', ')}`;
  }
  if (found.aggregate === 'histogram') {
    return part === undefined ? `Aggregate ${name} of stream ${stream} needs a part: one of its labels` : undefined;
  }
  const parts = found.aggregate === 'quantiles' ? found.shares.map(shareName) : [];
  if (part === undefined && parts.length === 0) return undefined;
  if (part !== undefined && parts.includes(part)) return undefined;
  return parts.length === 0
    ? `Aggregate ${name} of stream ${stream} is one number; leave out the part`
    : `Aggregate ${name} of stream ${stream} needs a part: ${parts.join(', ')}`;
};

/** `values` of a published window of a stream that fits; null when it has no such value, as a mean of nothing. */
export const windowValue = ({ aggregate, part }: WindowSource, values: WindowResult['values']): number | null => {
  const value = values[aggregate] ?? null;
  if (value === null || typeof value === 'number') return value;
  const own = value[part ?? ''];
  if (own !== undefined) return own;
  // A label that is not named was never seen, unless it hides among those that found no room.
  return OTHER in value ? null : 0;
};
