/** Memory of several processes; pages they share count for each of them, so it is never too little. */
import { readFileSync } from 'node:fs';

const KB_PER_MB = 1_000_000 / 1_024;

const residentKb = (pid: number): number => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
};

export const residentMb = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + residentKb(pid), 0) / KB_PER_MB;
