/** What is answered when the fleet was wanted and did not help: the own answer, else one of some time ago, else none. Pure. */
import type { SlotVerdict } from '../inference/model-slot-runner.port.ts';

/** An answer that was good when it was given. */
export interface KeptAnswer {
  readonly verdict: SlotVerdict;
  readonly ageMs: number;
}

export interface Rungs {
  /** By an engine of this device, the best one or another. */
  readonly local: SlotVerdict | undefined;
  readonly recent: KeptAnswer | undefined;
  readonly recentMaxAgeMs: number;
  /** Of the last night, as the fleet computed it for this device. */
  readonly nightly: KeptAnswer | undefined;
  readonly nightlyMaxAgeMs: number;
  /** Why nothing better is there; becomes the degraded reason. */
  readonly why: string;
  readonly elapsedMs: number;
}

const because = (verdict: SlotVerdict, why: string): SlotVerdict => {
  const reason = [verdict.degradedReason, why].filter((part) => part !== undefined && part !== '').join(' ');
  return reason === '' ? verdict : { ...verdict, degradedReason: reason.slice(0, 256) };
};

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

const stale = ({ verdict, ageMs }: KeptAnswer, source: 'recent' | 'nightly', rungs: Rungs): SlotVerdict => ({
  ...because({ ...verdict, degradedReason: undefined }, `Stale by ${seconds(ageMs)}. ${rungs.why}`),
  source,
  engine: null,
  latencyMs: rungs.elapsedMs,
});

export const descend = (rungs: Rungs): SlotVerdict => {
  const { local, recent, nightly, why } = rungs;
  if (local !== undefined) return because(local, why);
  if (recent !== undefined && recent.ageMs <= rungs.recentMaxAgeMs) return stale(recent, 'recent', rungs);
  if (nightly !== undefined && nightly.ageMs <= rungs.nightlyMaxAgeMs) return stale(nightly, 'nightly', rungs);
  const nothing = { outputs: {}, label: undefined, threshold: Infinity, exceeded: false, engine: null };
  return because({ ...nothing, latencyMs: rungs.elapsedMs, source: 'abstained' }, why);
};
