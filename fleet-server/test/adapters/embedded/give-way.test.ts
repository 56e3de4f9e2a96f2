import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';

interface Scheduling {
  readonly niceness: number;
  /** 0 as others, 5 the idle class. */
  readonly policy: number;
}

/** Linux counts niceness as field 19 of a thread's stat, the policy as 41: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const schedulingOf = (stat: string): Scheduling => {
  const fields = stat.replace(/^.*\) /s, '').split(' ');
  return { niceness: Number(fields[16]), policy: Number(fields[38]) };
};
const own = (): Scheduling => schedulingOf(readFileSync('/proc/thread-self/stat', 'utf8'));

const entry = new URL('../../../src/adapters/embedded/give-way.ts', import.meta.url).href;
const program = (niceness: number): string => `
  import { spawnSync } from 'node:child_process';
  import { readFileSync } from 'node:fs';
  import { parentPort } from 'node:worker_threads';
  import { giveWay } from ${JSON.stringify(entry)};
  giveWay(${niceness});
  const child = spawnSync('cat', ['/proc/self/stat']).stdout.toString();
  parentPort.postMessage([readFileSync('/proc/thread-self/stat', 'utf8'), child]);
`;

const threadThatGivesWay = async (niceness: number): Promise<Scheduling[]> => {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program(niceness))}`), { execArgv: [] });
  const [stats] = (await once(worker, 'message')) as [string[]];
  await worker.terminate();
  return stats.map(schedulingOf);
};

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a thread that gives way', () => {
  it('is nicer than the thread that started it, which stays as it was', async () => {
    const before = own();
    const [thread] = await threadThatGivesWay(7);
    expect(thread).toEqual({ niceness: Math.max(before.niceness, 7), policy: before.policy });
    expect(own()).toEqual(before);
  });

  it('at the lowest niceness runs in idle time alone, and so does what it starts', async () => {
    const before = own();
    const idle = { niceness: 19, policy: 5 };
    expect(await threadThatGivesWay(19)).toEqual([idle, idle]);
    expect(own()).toEqual(before);
  });
});
