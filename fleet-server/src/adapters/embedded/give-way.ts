/** On a busy machine a thread that can wait gives way to those that acknowledge and answer. */
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** No thread can step further back. */
const LAST = 19;
const CHRT_WITHIN_MS = 2_000;

/** Of the calling thread, for good; processes it starts inherit it. On Linux a priority belongs to a thread, elsewhere to the process, which is not to be slowed down. */
export const giveWay = (niceness: number): void => {
  if (process.platform !== 'linux') return;
  setPriority(Math.max(getPriority(), niceness));
  if (niceness >= LAST) useIdleTime();
};

/**
 * A thread of the lowest weight still ends its slice of some milliseconds while one that answers waits; one of the idle class is put aside
 * at once. Node cannot ask for it, util-linux's chrt can; without it the weight has to do.
 */
const useIdleTime = (): void => {
  const thread = readlinkSync('/proc/thread-self').split('/').at(-1) ?? '';
  spawnSync('chrt', ['-i', '-p', '0', thread], { stdio: 'ignore', timeout: CHRT_WITHIN_MS });
};

/** A third of the weight of a thread that does not: for those that follow the log, which go on, if more slowly. */
export const FOLLOWER_NICENESS = 5;
