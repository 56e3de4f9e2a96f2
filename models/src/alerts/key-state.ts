/** What is kept of one rule and key between two looks, and what is told when it changes. */
import type { Scalar } from '@shoal/protocol/wire';
import { CLEAR, type AlertState, type Change } from './alert-state.ts';

export interface KeyState {
  readonly alert: AlertState;
  /** When it last held, by the clock of the server. */
  readonly heldAt: number;
  /** Of the record that was looked at last. */
  readonly sequence: number;
  /** Of the newest window: its start, and what was before it. */
  readonly window: { readonly startAt: number; readonly before: AlertState } | null;
}

export const NEW_KEY: KeyState = { alert: CLEAR, heldAt: 0, sequence: 0, window: null };

export const RESOLUTIONS = [
  'over',
  'revised',
  'quiet',
  'heard',
  'device-removed',
  'rule-changed',
  'rule-removed',
  'by-hand',
] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export interface Transition {
  readonly key: string;
  readonly change: Exclude<Change, 'none'>;
  /** Event time of what changed it. */
  readonly at: number;
  /** Event time at which it began to hold. */
  readonly since: number;
  readonly value: Scalar;
  readonly isClockBad: boolean;
  readonly isHistorical: boolean;
  /** For `resolved`. */
  readonly reason: Resolution | null;
}

/** What became of what a rule has looked at; each is in exactly one. */
export interface RuleTally {
  considered: number;
  /** Made before what was looked at already. */
  late: number;
  /** Older than the rule wants when it arrived. */
  historical: number;
}

export const emptyTally = (): RuleTally => ({ considered: 0, late: 0, historical: 0 });
