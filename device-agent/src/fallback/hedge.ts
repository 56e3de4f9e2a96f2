/** When to ask the fleet although the own answer is still on its way: pure. */

export interface Pace {
  readonly budgetMs: number;
  /** 95th percentiles; null before anything was measured. */
  readonly localP95Ms: number | null;
  readonly remoteP95Ms: number | null;
}

/** Of a server that was never asked. */
const UNKNOWN_REMOTE_SHARE = 0.5;

/**
 * Milliseconds after the start at which an own answer that is not there yet is late for this device, held so early that the
 * fleet can still answer within the budget.
 */
export const hedgeAfterMs = ({ budgetMs, localP95Ms, remoteP95Ms }: Pace): number => {
  const remoteMs = Math.min(remoteP95Ms ?? budgetMs * UNKNOWN_REMOTE_SHARE, budgetMs);
  const latestMs = Math.max(0, budgetMs - remoteMs);
  // An answer that takes a twentieth of the budget is not late when it takes a little more than it mostly does.
  const usualMs = localP95Ms === null ? latestMs : Math.max(2 * localP95Ms, budgetMs / 20);
  return Math.min(usualMs, latestMs);
};
