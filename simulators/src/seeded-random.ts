/** Randomness that repeats: every simulated thing draws from a stream made of a seed, never from `Math.random`. */

/** Draws the next number of a stream, uniform in [0, 1). */
export type Random = () => number;

/** 32-bit FNV-1a, so that names can be seeds. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
};

/** sfc32 (Doty-Humphrey, PractRand): 128 bits of state, the same stream for the same seed on every machine. */
export const seededRandom = (seed: number | string): Random => {
  let a = hashOf(String(seed));
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 4_294_967_296;
  };
  for (let warmUp = 0; warmUp < 16; warmUp += 1) next();
  return next;
};

/** Standard normal (Box and Muller 1958). */
export const gaussian = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Uniform in [from, to). */
export const uniform = (random: Random, from: number, to: number): number => from + (to - from) * random();

/** An element of a list that is not empty. */
export const pick = <T>(random: Random, items: readonly T[]): T => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError('Cannot pick from an empty list.');
  return item;
};

/** `length` lower-case hex digits. */
export const hexDigits = (random: Random, length: number): string =>
  Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');
