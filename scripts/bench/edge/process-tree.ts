/** What a process and its descendants take of a Linux machine, from /proc (proc(5)); what ended meanwhile counts no more. */
import { readdirSync, readFileSync } from 'node:fs';

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const childrenOf = (pid: number): number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
};

/** The process itself first. */
export const processTree = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(processTree)];

const sum = (pids: readonly number[], figure: (pid: number) => number): number =>
  pids.reduce((total, pid) => total + figure(pid), 0);

const field = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);

/** Proportional set size: private pages whole, shared ones by the number of those who share them. */
export const pssMb = (pid: number): number =>
  sum(processTree(pid), (each) => field(read(`/proc/${each}/smaps_rollup`), 'Pss') * 1_024) / 1e6;

/** Handed to the disk by these processes; SQLite, logs and state files alike. */
export const writtenBytes = (pid: number): number =>
  sum(processTree(pid), (each) => field(read(`/proc/${each}/io`), 'write_bytes'));

/** USER_HZ, a constant of Linux's interface to user space. */
const TICKS_PER_SECOND = 100;

/** Of all cores together: fields 14 and 15 of /proc/<pid>/stat. */
export const cpuSeconds = (pid: number): number =>
  sum(processTree(pid), (each) => {
    const fields = read(`/proc/${each}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
  });

/** Of all its threads: how often the process was woken; a machine that sleeps well is asked seldom. */
export const wakeUps = (pid: number): number =>
  sum(processTree(pid), (each) => {
    try {
      return sum(readdirSync(`/proc/${each}/task`).map(Number), (task) =>
        field(read(`/proc/${each}/task/${task}/status`), 'voluntary_ctxt_switches'),
      );
    } catch {
      return 0;
    }
  });
