/** Who goes first where several kinds of callers share a model; any number may be used, these are the ones Shoal itself uses. */

/** Higher goes first. */
export const PRIORITIES = Object.freeze({
  /** A device's own windows, before anybody who asks it over its local API. */
  LIVE_OWN_WINDOWS: 2,
  /** Callers who wait for an answer; the default. */
  REALTIME: 0,
  /** Devices that ask the server because their own answer is not good enough: a storm of them must not starve the others. */
  FALLBACK: -1,
  /** Work that nobody waits for. */
  BATCH: -2,
});

const LIMIT = 100;

/** Milliseconds of waiting that make up for one step of priority. */
const AGEING_MS = 10_000;
/** A request without a deadline, or with a far one, is served among its equals as if it had this many milliseconds. */
const PATIENCE_MS = 1_000;

/** Within [-100, 100]; what is no number is the default. */
const clamped = (priority: number): number =>
  Number.isNaN(priority) ? PRIORITIES.REALTIME : Math.min(LIMIT, Math.max(-LIMIT, priority));

interface Urgency {
  readonly priority: number;
  readonly enqueuedAt: number;
  /** Infinity for none. */
  readonly deadlineAt: number;
}

/**
 * The place of a request in the line, smallest first: a virtual deadline. Among equals the earliest deadline goes first (EDF), a step of
 * priority is worth ten seconds. It never changes while a request waits and grows with the time of arrival, so after a bounded time
 * everybody who comes stands behind: nobody starves, and a forecast of the order stays true.
 */
export const urgencyRank = ({ priority, enqueuedAt, deadlineAt }: Urgency): number =>
  Math.min(deadlineAt, enqueuedAt + PATIENCE_MS) - clamped(priority) * AGEING_MS;
