/** How soon a lost process is started again, and when that is given up: pure. */

export interface RestartPolicy {
  /** Losses within `windowMs` after which the engine rests until the oldest of them is out of the window. */
  readonly maxLosses: number;
  readonly windowMs: number;
  /** Delay after the first loss; it doubles with every further one. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const DEFAULT_RESTART_POLICY: RestartPolicy = {
  maxLosses: 8,
  windowMs: 600_000,
  firstDelayMs: 50,
  maxDelayMs: 30_000,
};

export type RestartDecision =
  { readonly action: 'start'; readonly delayMs: number } | { readonly action: 'rest'; readonly untilMs: number };

/** `lossesAt` in ms, ascending; `random` in [0, 1) spreads the delay over its upper half. */
export const decideRestart = (
  lossesAt: readonly number[],
  now: number,
  policy: RestartPolicy,
  random: number,
): RestartDecision => {
  const recent = lossesAt.filter((at) => at > now - policy.windowMs);
  const [oldest] = recent;
  const newest = recent.at(-1);
  if (oldest === undefined || newest === undefined) return { action: 'start', delayMs: 0 };
  if (recent.length >= policy.maxLosses) return { action: 'rest', untilMs: oldest + policy.windowMs };
  const full = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (recent.length - 1));
  return { action: 'start', delayMs: Math.max(0, newest + full * (0.5 + random / 2) - now) };
};
