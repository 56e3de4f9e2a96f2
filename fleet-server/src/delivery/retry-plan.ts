/** When a delivery is tried again, and when it is given up: exponential pauses with jitter, or what the receiver asks for. */

export interface RetryRules {
  readonly firstRetryMs: number;
  readonly longestRetryMs: number;
  readonly giveUpMs: number;
}

export interface Tried {
  /** Attempts of this round, the failed one included. */
  readonly attempts: number;
  readonly roundStartedAt: number;
  readonly now: number;
  readonly retryAfterMs: number | null;
  /** In [0, 1). */
  readonly random: number;
}

/** @returns the instant of the next attempt, or null when it is given up */
export const nextAttemptAt = (tried: Tried, rules: RetryRules): number | null => {
  const { attempts, roundStartedAt, now, retryAfterMs, random } = tried;
  const pause = Math.min(rules.longestRetryMs, rules.firstRetryMs * 2 ** Math.min(attempts - 1, 30));
  // Half of it is certain, so that a receiver which is down is not asked at once by everybody who has waited.
  const jittered = pause / 2 + (random * pause) / 2;
  const at = Math.ceil(now + Math.max(jittered, retryAfterMs ?? 0));
  return at - roundStartedAt > rules.giveUpMs ? null : at;
};

/** RFC 9110 10.2.3: seconds or an HTTP date. @returns null for anything else */
export const retryAfterMs = (header: string | undefined, now: number): number | null => {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const at = header.endsWith('GMT') ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
};
