/** When a process has to be stopped: pure limits on time and memory, and the look at its memory. */
import { readFileSync } from 'node:fs';

const KILL_FACTOR = 4;
const MIN_KILL_MS = 1_000;

/**
 * Milliseconds after which a run is hopeless and its process is killed. A missed deadline alone does not kill: a run that is
 * merely slow ends by itself, and a new process costs more than that.
 */
export const killAfterMs = (deadlineMs: number | undefined, hardLimitMs: number): number =>
  deadlineMs === undefined ? hardLimitMs : Math.min(hardLimitMs, Math.max(deadlineMs * KILL_FACTOR, MIN_KILL_MS));

const PAGE_BYTES = 4_096;

/** Resident bytes from the content of /proc/<pid>/statm (proc(5): sizes in pages, the second is resident). */
export const residentBytesOf = (statm: string): number | null => {
  const pages = Number(statm.split(' ')[1]);
  return Number.isSafeInteger(pages) ? pages * PAGE_BYTES : null;
};

const NS_PER_MS = 1e6;

/** Milliseconds from the content of /proc/<pid>/schedstat (sched-stats: ns on a processor, ns ready and waiting for one, slices). */
export const processorWaitMsOf = (schedstat: string): number => {
  const waited = Number(schedstat.split(' ')[1]);
  return Number.isFinite(waited) ? waited / NS_PER_MS : 0;
};

/** For how long the main thread of a process has waited for a processor since it began; 0 where nobody can say. */
export const readProcessorWaitMs = (pid: number): number => {
  try {
    return processorWaitMsOf(readFileSync(`/proc/${pid}/schedstat`, 'utf8'));
  } catch {
    return 0;
  }
};

/** Null where there is no /proc or the process is gone. Takes microseconds: the kernel answers from memory, and no thread is woken for it. */
export const readResidentBytes = (pid: number): number | null => {
  try {
    return residentBytesOf(readFileSync(`/proc/${pid}/statm`, 'utf8'));
  } catch {
    return null;
  }
};
