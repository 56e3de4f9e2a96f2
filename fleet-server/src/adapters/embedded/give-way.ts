/** On a busy machine a thread that can wait gives way to those that acknowledge and answer. */
import { getPriority, setPriority } from 'node:os';

/** Of the calling thread, for good; processes it starts inherit it. On Linux a priority belongs to a thread, elsewhere to the process, which is not to be slowed down. */
export const giveWay = (niceness: number): void => {
  if (process.platform === 'linux') setPriority(Math.max(getPriority(), niceness));
};

/** A third of the weight of a thread that does not: for those that follow the log, which go on, if more slowly. */
export const FOLLOWER_NICENESS = 5;
