/** Randomness that repeats for the same seed, so that a failing run can be run again. */
import { createHash } from 'node:crypto';

/** Uniform in [0, 1): the sha256 of seed and counter. */
export const seededRandom = (seed: string): (() => number) => {
  let counter = 0;
  return () => {
    counter += 1;
    return createHash('sha256').update(`${seed}#${counter}`).digest().readUInt32BE(0) / 4_294_967_296;
  };
};
