/** On a busy machine a thread that can wait gives way to those that acknowledge and answer. */
import { getPriority, setPriority } from 'node:os';

/** Those who wait for a processor come in between. */
const BREATH_MS = 0.05;
/** Of work: who waits for this processor and for the next one, and the next, must not wait a millisecond each time. */
const BETWEEN_BREATHS_MS = 0.2;
/** A third of the weight of a thread that does not give way. */
const FOLLOWER_NICENESS = 5;

const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
let takesBreaths = false;
let breathedAt = 0;

/** Of the calling thread, for good; processes it starts inherit it. On Linux a priority belongs to a thread, elsewhere to the process, which is not to be slowed down. */
export const giveWay = (niceness: number): void => {
  if (process.platform === 'linux') setPriority(Math.max(getPriority(), niceness));
};

/**
 * Of the calling thread, for good: `breathe` is more than nothing. A thread that wakes on the processor of one that computes
 * may wait for the next tick of the scheduler, 4 ms, while another processor idles; it comes in when that one sleeps.
 */
export const takeBreaths = (): void => {
  takesBreaths = true;
};

/** Of the calling thread, for good: it follows the log, is slower than others on a busy machine, and goes on all the same. */
export const follow = (): void => {
  giveWay(FOLLOWER_NICENESS);
  takeBreaths();
};

/** For loops, after each round: a thread that takes breaths sleeps for a moment when it has worked for long; any other goes on at once. */
export const breathe = (): void => {
  if (!takesBreaths || performance.now() - breathedAt < BETWEEN_BREATHS_MS) return;
  Atomics.wait(never, 0, 0, BREATH_MS);
  breathedAt = performance.now();
};
