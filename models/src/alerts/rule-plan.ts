/** A rule made ready to run: expressions parsed, and which names have to be there for it to say anything. */
import { createHash } from 'node:crypto';
import type { AlertRule, Labels, LabelTerms } from '@shoal/protocol';
import type { Expression, RecordKind, Scalar } from '@shoal/protocol/wire';
import { DEFAULT_QUIET_MS, parseExpression } from '@shoal/protocol/vocabulary';
import { canonicalJson } from '../canonical-json.ts';
import { bind, type NamedColumns } from '../streams/evaluate.ts';
import type { Column } from '../streams/record-columns.ts';
import type { Verdict } from './alert-state.ts';

export interface RulePlan {
  readonly rule: AlertRule;
  /** What of the log it reads; undefined for windows and absence. */
  readonly kind: RecordKind | undefined;
  /** Facts that have to be as said, for example `$model`. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly where: Expression | undefined;
  /** What is looked at; for a condition the condition itself. */
  readonly value: Expression | undefined;
  readonly clear: Expression | undefined;
  /** Undefined: only what comes says when it is over. */
  readonly quietMs: number | undefined;
}

const KINDS = {
  readings: 'readings',
  predictions: 'predictions',
  events: 'events',
  drift: 'events',
  window: undefined,
  absence: undefined,
} as const;

const factsOf = ({ on }: AlertRule): (readonly [string, string])[] => {
  if (on.kind === 'readings' && on.source !== undefined) return [['$source', on.source]];
  if (on.kind === 'predictions' && on.model !== undefined) return [['$model', on.model]];
  if (on.kind !== 'drift') return [];
  return [['$kind', 'drift.detected'], ...(on.model === undefined ? [] : [['model', on.model] as const])];
};

const parsed = (text: string | undefined): Expression | undefined =>
  text === undefined ? undefined : parseExpression(text);

/** The rule has passed its schema, so its expressions parse. */
export const planRule = (rule: AlertRule): RulePlan => {
  const { on, when, where, quietMs } = rule;
  const isEvent = on.kind === 'events' || on.kind === 'drift';
  const value = parsed(when?.condition ?? when?.value);
  const clear = parsed(when?.clear);
  // An event says that something happened; that the next one is another says nothing about it.
  const saysOver = !isEvent || clear !== undefined;
  return {
    rule,
    kind: KINDS[on.kind],
    facts: factsOf(rule),
    where: parsed(where),
    value,
    clear,
    quietMs: quietMs ?? (saysOver ? undefined : DEFAULT_QUIET_MS),
  };
};

/** Changes with whatever decides when it fires; who is told, and how severe it is, decides nothing. */
export const decisionHash = (rule: AlertRule): string => {
  const { name, on, labels, where = null, when = null, forMs, clearForMs, quietMs = null, maxAgeMs, historical } = rule;
  const decisive = { name, on, labels, where, when, forMs, clearForMs, quietMs, maxAgeMs, historical };
  return createHash('sha256')
    .update(canonicalJson(JSON.parse(JSON.stringify(decisive))), 'utf8')
    .digest('hex');
};

export const carriesLabels = (labels: Labels, terms: LabelTerms): boolean =>
  terms.every(({ label, value }) => Object.hasOwn(labels, label) && (value === undefined || labels[label] === value));

/** Names of the record itself, without facts about it. */
const namesIn = (expression: Expression): string[] => {
  switch (expression.op) {
    case 'constant':
      return [];
    case 'name':
      return expression.name.startsWith('$') ? [] : [expression.name];
    case 'unary':
      return namesIn(expression.of);
    case 'binary':
      return [...namesIn(expression.left), ...namesIn(expression.right)];
    case 'choose':
      return [expression.when, expression.yes, expression.no].flatMap(namesIn);
    case 'call':
      return expression.of.flatMap(namesIn);
  }
};

export interface Said {
  readonly verdict: Verdict;
  /** What was looked at. */
  readonly value: Scalar;
}

/** What a row says; null: nothing, because it does not pass or has none of the names that are asked for. */
export type Judge = (row: number) => Said | null;

const passes = ({ facts, where }: RulePlan, columns: NamedColumns): ((row: number) => boolean) => {
  const named = facts.map(([name, value]) => [columns.column(name), value] as const);
  const isWanted = where === undefined ? undefined : bind(where, columns);
  return (row) =>
    named.every(([column, value]) => column(row) === value) && (isWanted === undefined || isWanted(row) === true);
};

const ofThreshold = ({ rule: { when } }: RulePlan, value: Column): Judge => {
  const { above, below, clearAt } = when ?? {};
  const sign = above === undefined ? -1 : 1;
  const limit = sign * (above ?? below ?? 0);
  const clear = clearAt === undefined ? limit : sign * clearAt;
  return (row) => {
    const found = value(row);
    if (typeof found !== 'number') return null;
    const signed = sign * found;
    return { verdict: signed > limit ? 'holds' : signed <= clear ? 'over' : 'between', value: found };
  };
};

const ofCondition = ({ clear, value, rule: { on } }: RulePlan, columns: NamedColumns): Judge => {
  const holds = bind(value as Expression, columns);
  const isOver = clear === undefined ? undefined : bind(clear, columns);
  const names = [...new Set(namesIn(value as Expression))].map((name) => columns.column(name));
  const isEvent = on.kind === 'events' || on.kind === 'drift';
  return (row) => {
    if (names.length > 0 && names.every((column) => column(row) === null)) return null;
    const shown = names[0]?.(row) ?? null;
    if (holds(row) === true) return { verdict: 'holds', value: shown };
    if (isOver === undefined ? !isEvent : isOver(row) === true) return { verdict: 'over', value: shown };
    return isEvent ? null : { verdict: 'between', value: shown };
  };
};

const judgeOf = (plan: RulePlan, columns: NamedColumns): Judge => {
  if (plan.value === undefined) return () => ({ verdict: 'holds', value: null });
  const isCondition = plan.rule.when?.condition !== undefined;
  return isCondition ? ofCondition(plan, columns) : ofThreshold(plan, bind(plan.value, columns));
};

/** Bound once to the columns, then called row by row. */
export const bindRule = (plan: RulePlan, columns: NamedColumns): Judge => {
  const isLookedAt = passes(plan, columns);
  const judge = judgeOf(plan, columns);
  return (row) => (isLookedAt(row) ? judge(row) : null);
};
