/** The life of an alert of one rule and key, as a table: pure, in event time, the same whatever is killed in between. */

/** What one sample says: it is wrong, neither wrong nor over, or over. */
export type Verdict = 'holds' | 'between' | 'over';

export interface AlertState {
  readonly level: 'clear' | 'pending' | 'firing';
  /** Event time at which it began to hold; what it says while clear means nothing. */
  readonly since: number;
  /** While firing: since when it is over without a break. */
  readonly clearSince: number | null;
  /** Latest event time that was looked at; what is earlier comes too late. */
  readonly lastAt: number;
}

export const CLEAR: AlertState = { level: 'clear', since: 0, clearSince: null, lastAt: -1 };

export type Change = 'none' | 'pended' | 'fired' | 'dropped' | 'resolved';

export interface Holds {
  readonly forMs: number;
  readonly clearForMs: number;
}

export interface Advance {
  readonly state: AlertState;
  readonly change: Change;
}

type Step = (state: AlertState, at: number, holds: Holds) => Advance;

const stay: Step = (state) => ({ state, change: 'none' });

const fire: Step = (state) => ({ state: { ...state, level: 'firing', clearSince: null }, change: 'fired' });

const begin: Step = (state, at, holds) => {
  const since = { ...state, since: at };
  return holds.forMs === 0 ? fire(since, at, holds) : { state: { ...since, level: 'pending' }, change: 'pended' };
};

const persist: Step = (state, at, holds) =>
  at - state.since >= holds.forMs ? fire(state, at, holds) : stay(state, at, holds);

const drop: Step = (state) => ({ state: { ...state, level: 'clear' }, change: 'dropped' });

const goOn: Step = (state) => ({ state: { ...state, clearSince: null }, change: 'none' });

const end: Step = (state, at, { clearForMs }) => {
  const clearSince = state.clearSince ?? at;
  if (at - clearSince < clearForMs) return { state: { ...state, clearSince }, change: 'none' };
  return { state: { ...state, level: 'clear', clearSince: null }, change: 'resolved' };
};

/** A hold is confirmed by a sample, never by silence: silence is what absence and `quietMs` are for. */
export const ALERT_TABLE: Readonly<Record<AlertState['level'], Readonly<Record<Verdict, Step>>>> = {
  clear: { holds: begin, between: stay, over: stay },
  pending: { holds: persist, between: drop, over: drop },
  firing: { holds: goOn, between: goOn, over: end },
};

/** `at` must not be before `state.lastAt`. */
export const advance = (state: AlertState, at: number, verdict: Verdict, holds: Holds): Advance =>
  ALERT_TABLE[state.level][verdict]({ ...state, lastAt: at }, at, holds);

/** How one gets from a level to another when what a window said was taken back. */
export const changeBetween = (from: AlertState['level'], to: AlertState['level']): Change => {
  if (from === to) return 'none';
  if (to === 'firing') return 'fired';
  if (from === 'firing') return 'resolved';
  return to === 'pending' ? 'pended' : 'dropped';
};
