/** On a busy machine a thread that can wait gives way to those that acknowledge and answer. */
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/** Of the calling thread, for good; processes it starts inherit it. On Linux a priority belongs to a thread, elsewhere to the process, which is not to be slowed down. */
export const giveWay = (niceness: number): void => {
  if (process.platform === 'linux') setPriority(Math.max(getPriority(), niceness));
};

/** A third of the weight of a thread that does not: where a thread cannot be told to give way to everybody. */
const FOLLOWER_NICENESS = 5;

/**
 * For those that follow the log, of the calling thread and for good: others that wake take its processor at once, where a nicer
 * thread keeps it for some milliseconds. It goes on as long as a processor is idle, and hardly where other programs leave none.
 */
export const giveWayToAll = (): void => {
  if (process.platform !== 'linux') return;
  try {
    const thread = basename(readlinkSync('/proc/thread-self'));
    execFileSync('chrt', ['-i', '-p', '0', thread], { stdio: 'ignore' });
  } catch {
    giveWay(FOLLOWER_NICENESS);
  }
};
