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

/** Null where there is no /proc or the process is gone. Takes microseconds: the kernel answers from memory, and no thread is woken for it. */
export const readResidentBytes = (pid: number): number | null => {
  try {
    return residentBytesOf(readFileSync(`/proc/${pid}/statm`, 'utf8'));
  } catch {
    return null;
  }
};
