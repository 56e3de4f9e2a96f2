/** Lets a thread, and the engine processes it starts, step back behind everything else. */
import { getPriority, setPriority } from 'node:os';

/** On Linux a priority belongs to a thread, elsewhere to the process, which is not to be slowed down. */
export const giveWay = (niceness: number): void => {
  if (process.platform === 'linux') setPriority(Math.max(getPriority(), niceness));
};
