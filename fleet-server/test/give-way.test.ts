/** What threads that can wait say to the scheduler of Linux, as its own files tell it. */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';

/** Linux counts niceness as field 19 of a thread's stat, and its policy as field 41: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const fieldOf = (stat: string, field: number): number => Number(stat.replace(/^.*\) /s, '').split(' ')[field - 3]);
const NICENESS = 19;
const POLICY = 41;
const SCHED_OTHER = 0;
const SCHED_IDLE = 5;

const entry = new URL('../src/give-way.ts', import.meta.url).href;
const ownStat = (): string => readFileSync('/proc/thread-self/stat', 'utf8');

/** The stat of a thread that has done so. */
const statAfter = async (doing: string): Promise<string> => {
  const program = `
    import { readFileSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    import { giveWay, giveWayToAll } from ${JSON.stringify(entry)};
    ${doing};
    parentPort.postMessage(readFileSync('/proc/thread-self/stat', 'utf8'));
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { execArgv: [] });
  const [stat] = (await once(worker, 'message')) as [string];
  await worker.terminate();
  return stat;
};

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a thread that gives way', () => {
  it('is nicer than the thread that started it, which stays as it was', async () => {
    const before = fieldOf(ownStat(), NICENESS);
    expect(fieldOf(await statAfter('giveWay(7)'), NICENESS)).toBe(Math.max(before, 7));
    expect(fieldOf(ownStat(), NICENESS)).toBe(before);
  });

  it('runs when nobody else wants to, if it gives way to all, and the thread that started it goes on as before', async () => {
    const before = fieldOf(ownStat(), POLICY);
    expect(fieldOf(await statAfter('giveWayToAll()'), POLICY)).toBe(SCHED_IDLE);
    expect(fieldOf(ownStat(), POLICY)).toBe(before);
  });

  it('is nicer at least where there is no program to tell the scheduler', async () => {
    const stat = await statAfter("process.env.PATH = '/nowhere'; giveWayToAll()");
    expect(fieldOf(stat, POLICY)).toBe(SCHED_OTHER);
    expect(fieldOf(stat, NICENESS)).toBe(Math.max(fieldOf(ownStat(), NICENESS), 5));
  });
});
