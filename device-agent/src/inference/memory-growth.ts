/** Whether a process that does the same again and again holds more and more memory. Pure. */

const QUARTERS = 4;
/** Looks of a quarter: fewer tell nothing. */
const LEAST_LOOKS = 2;
/** A runtime that comes to its size grows in one or two steps, of a few MB; these from one quarter to the next are no such thing. */
const LEAST_BYTES = 2e6;

/**
 * Bytes from the first quarter to the last when each holds so much more than the one before; 0 for a process that has come to its
 * size, or swings. `held`: resident bytes, in order, at equal distances.
 */
export const steadyGrowth = (held: readonly number[]): number => {
  const looks = Math.floor(held.length / QUARTERS);
  if (looks < LEAST_LOOKS) return 0;
  const least = Array.from({ length: QUARTERS }, (_, index) =>
    Math.min(...held.slice(index * looks, (index + 1) * looks)),
  );
  const steps = least.slice(1).map((bytes, index) => bytes - (least[index] ?? bytes));
  return steps.every((bytes) => bytes >= LEAST_BYTES) ? steps.reduce((sum, bytes) => sum + bytes, 0) : 0;
};
