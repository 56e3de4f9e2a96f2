/** How long to wait before the next attempt. */
import type { Random } from '../runtime.ts';

export interface BackoffBounds {
  /** Upper bound of the first wait, in milliseconds. */
  readonly firstMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
}

/**
 * Milliseconds before attempt `attempt` (from 0 for the first after a failure): uniform between 0 and a bound that doubles,
 * "full jitter" (Brooker, "Exponential Backoff and Jitter", AWS 2015), so that a fleet does not come back as one wave.
 */
export const fullJitterMs = ({ firstMs, maxMs }: BackoffBounds, attempt: number, random: Random): number =>
  random() * Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30));
