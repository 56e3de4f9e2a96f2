/** How many devices may be assigned now: a bucket that fills at the rate, which doubles as devices succeed. */
import type { RolloutDefinition } from '@shoal/protocol';
import type { RateState } from './rollout.ts';

const MINUTE_MS = 60_000;

export const ratePerMinute = (rate: NonNullable<RolloutDefinition['rate']>, succeeded: number): number => {
  const doublings = rate.doublesEvery === undefined ? 0 : Math.floor(succeeded / rate.doublesEvery);
  const ramped = rate.perMinute * 2 ** Math.min(doublings, 30);
  return Math.min(ramped, rate.maxPerMinute ?? Number.POSITIVE_INFINITY);
};

/** The bucket holds one minute at most, so a pause does not save up; it begins with one device. A clock set back fills nothing. */
export const refill = (
  rate: NonNullable<RolloutDefinition['rate']>,
  before: RateState | null,
  succeeded: number,
  now: number,
): RateState => {
  if (before === null) return { tokens: 1, at: now };
  const perMinute = ratePerMinute(rate, succeeded);
  const grown = before.tokens + (Math.max(0, now - before.at) / MINUTE_MS) * perMinute;
  return { tokens: Math.min(Math.max(1, perMinute), grown), at: now };
};
