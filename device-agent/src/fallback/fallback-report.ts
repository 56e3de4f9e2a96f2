/** What the fallback of one model says of itself. */
import type { PredictionSource } from '@shoal/protocol/wire';
import type { BreakerState } from './circuit-breaker.ts';

export interface FallbackCounters {
  readonly answers: Readonly<Partial<Record<PredictionSource, number>>>;
  /** Answers that took longer than their budget and a tenth. */
  readonly overBudget: number;
  readonly longestMs: number;
  /** Questions to the fleet, by reason. */
  readonly asked: Readonly<Record<string, number>>;
  /** Questions that were wanted and not asked, by obstacle. */
  readonly notAsked: Readonly<Record<string, number>>;
  /** Questions asked in vain, by cause. */
  readonly failed: Readonly<Record<string, number>>;
  readonly late: number;
}

export interface FallbackReport extends FallbackCounters {
  /** Model of the fleet. */
  readonly asks: string;
  readonly breaker: { readonly state: BreakerState; readonly opened: number; readonly closed: number };
  /** What the server wishes not to be asked, 0 to 1. */
  readonly shed: number;
  readonly underWay: number;
  readonly remoteP95Ms: number | null;
  readonly hardExamples: { readonly kept: number; readonly evicted: number; readonly failedWrites: number };
}
