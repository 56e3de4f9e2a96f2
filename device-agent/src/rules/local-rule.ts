/** A threshold with hysteresis, hold and cooldown, as a machine over observations in event time. Pure. */
import type { RuleCondition } from '@shoal/protocol/wire';

export type RulePhase = 'idle' | 'pending' | 'active' | 'clearing';

/** Instants are event times in milliseconds since the epoch. */
export interface RuleState {
  /** `pending`: true, and not for long enough. `clearing`: over, and not for long enough. */
  readonly phase: RulePhase;
  /** Of the first observation of an unbroken row that was true (pending) or over (clearing); else of the last change. */
  readonly since: number;
  readonly lastFiredAt: number | null;
  /** Of the newest observation taken; null before the first of this process. */
  readonly lastAt: number | null;
}

/** A value, or the label of a prediction; null when there was none. */
export interface RuleObservation {
  readonly at: number;
  readonly value: number | string | null;
}

export interface RuleStep {
  readonly state: RuleState;
  readonly transition: 'fired' | 'cleared' | null;
}

export const IDLE: RuleState = { phase: 'idle', since: 0, lastFiredAt: null, lastAt: null };

/** An observation older than the newest by up to this came late and changes nothing; by more, the clock was set or a recording began again. */
export const REORDER_MS = 60_000;

type Condition = Omit<RuleCondition, 'sensor' | 'model' | 'value'>;

/** What one value says: true, over, or in between, where both what was and what is stays. */
const verdictOf = (
  { above, below, equals, clearAt }: Condition,
  value: number | string,
): 'true' | 'over' | 'between' => {
  if (equals !== undefined) return value === equals ? 'true' : 'over';
  if (typeof value !== 'number') return 'between';
  if (above !== undefined) return value > above ? 'true' : value <= (clearAt ?? above) ? 'over' : 'between';
  if (below !== undefined) return value < below ? 'true' : value >= (clearAt ?? below) ? 'over' : 'between';
  return 'between';
};

const isCool = ({ cooldownMs }: Condition, { lastFiredAt }: RuleState, at: number): boolean =>
  lastFiredAt === null || at < lastFiredAt || at - lastFiredAt >= cooldownMs;

const whileQuiet = (condition: Condition, state: RuleState, at: number, isTrue: boolean): RuleStep => {
  if (!isTrue) {
    const isIdle = state.phase === 'idle';
    return { state: { ...state, phase: 'idle', since: isIdle ? state.since : at, lastAt: at }, transition: null };
  }
  const since = state.phase === 'pending' ? state.since : at;
  const fires = at - since >= condition.holdMs && isCool(condition, state, at);
  return fires
    ? { state: { phase: 'active', since: at, lastFiredAt: at, lastAt: at }, transition: 'fired' }
    : { state: { ...state, phase: 'pending', since, lastAt: at }, transition: null };
};

const whileFired = (condition: Condition, state: RuleState, at: number, isOver: boolean): RuleStep => {
  if (!isOver) {
    const since = state.phase === 'active' ? state.since : (state.lastFiredAt ?? at);
    return { state: { ...state, phase: 'active', since, lastAt: at }, transition: null };
  }
  const since = state.phase === 'clearing' ? state.since : at;
  return at - since >= condition.clearHoldMs
    ? { state: { ...state, phase: 'idle', since: at, lastAt: at }, transition: 'cleared' }
    : { state: { ...state, phase: 'clearing', since, lastAt: at }, transition: null };
};

/** On a new time line what was being counted begins anew; whether the rule is active stays. */
const onNewTimeLine = (state: RuleState, at: number): RuleState =>
  state.phase === 'active' ? state : { ...state, since: at };

/**
 * The state after one observation. A value holds until the next one; no value, and one that comes late, changes nothing.
 * A firing that falls into the cooldown waits for its end, and happens then if the condition still holds.
 */
export const stepRule = (condition: Condition, before: RuleState, { at, value }: RuleObservation): RuleStep => {
  const { lastAt } = before;
  if (value === null || (lastAt !== null && at < lastAt && at >= lastAt - REORDER_MS)) {
    return { state: before, transition: null };
  }
  const state = lastAt !== null && at < lastAt ? onNewTimeLine(before, at) : before;
  const verdict = verdictOf(condition, value);
  const isQuiet = state.phase === 'idle' || state.phase === 'pending';
  return isQuiet
    ? whileQuiet(condition, state, at, verdict === 'true')
    : whileFired(condition, state, at, verdict === 'over');
};
