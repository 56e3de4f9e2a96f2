/** Waiting for a condition in tests: polls, and names what did not come true. */
import { setTimeout as pause } from 'node:timers/promises';

/** Polls until `probe` gives something other than undefined, false or null. @throws Error with `what` after `withinMs` */
export const eventually = async <T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = 15_000,
): Promise<NonNullable<T>> => {
  const giveUpAt = performance.now() + withinMs;
  let last: unknown;
  while (performance.now() < giveUpAt) {
    last = await probe();
    if (last !== undefined && last !== null && last !== false) return last as NonNullable<T>;
    await pause(20);
  }
  throw new Error(`Did not come true in ${withinMs} ms: ${what} (last: ${JSON.stringify(last)})`);
};
