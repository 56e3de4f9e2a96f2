/** A definition made ready to run: expressions parsed, equal ones computed once, and only what is asked for kept. */
import { createHash } from 'node:crypto';
import type { Expression, StreamAggregate, StreamDefinition, StreamWindow } from '@shoal/protocol/wire';
import { parseExpression } from '@shoal/protocol/vocabulary';
import { canonicalJson } from '../canonical-json.ts';

/** What is kept of one value beside how often there was one. */
export interface FieldPlan {
  readonly value: Expression;
  readonly sum: boolean;
  readonly spread: boolean;
  readonly extremes: boolean;
  readonly ends: boolean;
  readonly quantiles: boolean;
  readonly distinct: boolean;
  readonly histogram: boolean;
}

export interface AggregatePlan {
  readonly aggregate: StreamAggregate;
  /** Place of its value among the fields; undefined for what is about records alone. */
  readonly field: number | undefined;
}

export interface StreamPlan {
  readonly definition: StreamDefinition;
  readonly where: Expression | undefined;
  readonly fields: readonly FieldPlan[];
  readonly aggregates: readonly AggregatePlan[];
  /** Sizes by level: the window's own, then hour and day; undefined: this stream does not fill that level. */
  readonly levelMs: readonly [window: number, hour: number | undefined, day: number];
  readonly isRolledUp: boolean;
}

const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Lower-case hex sha256 over the canonical JSON: any change of the definition changes it. */
export const streamHash = (definition: StreamDefinition): string =>
  createHash('sha256').update(canonicalJson(definition), 'utf8').digest('hex');

type Growing = { -readonly [K in keyof FieldPlan]: FieldPlan[K] };

const emptyField = (value: Expression): Growing => ({
  value,
  sum: false,
  spread: false,
  extremes: false,
  ends: false,
  quantiles: false,
  distinct: false,
  histogram: false,
});

const require = (field: Growing, { aggregate }: StreamAggregate): void => {
  if (aggregate === 'sum' || aggregate === 'mean') field.sum = true;
  else if (aggregate === 'std') field.spread = true;
  else if (aggregate === 'min' || aggregate === 'max') field.extremes = true;
  else if (aggregate === 'first' || aggregate === 'last' || aggregate === 'rate') field.ends = true;
  else if (aggregate !== 'count') field[aggregate] = true;
};

const sizeOf = (window: StreamWindow): number => {
  if (window.kind === 'session') return window.gapMs;
  return window.kind === 'count' ? 0 : window.sizeMs;
};

/** The definition has passed its schema, so its expressions parse. */
export const planStream = (definition: StreamDefinition): StreamPlan => {
  const fields: Growing[] = [];
  const places = new Map<string, number>();
  const placeOf = (text: string): number => {
    const expression = parseExpression(text);
    const identity = JSON.stringify(expression);
    const known = places.get(identity);
    if (known !== undefined) return known;
    places.set(identity, fields.length);
    return fields.push(emptyField(expression)) - 1;
  };
  const aggregates = definition.aggregates.map((aggregate) => {
    const field = aggregate.value === undefined ? undefined : placeOf(aggregate.value);
    const growing = field === undefined ? undefined : fields[field];
    if (growing !== undefined) require(growing, aggregate);
    return { aggregate, field };
  });
  const { window, where } = definition;
  const size = sizeOf(window);
  const isRolledUp = window.kind === 'tumbling' && DAY_MS % size === 0 && size < DAY_MS;
  const hasHours = isRolledUp && HOUR_MS % size === 0 && size < HOUR_MS;
  return {
    definition,
    where: where === undefined ? undefined : parseExpression(where),
    fields,
    aggregates,
    levelMs: [size, hasHours ? HOUR_MS : undefined, DAY_MS],
    isRolledUp,
  };
};
